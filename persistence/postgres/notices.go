package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
)

const (
	noticeColumns = `number, endpoint, transaction_id, version, attempts, due, settled_at, tried_at, result, told_at`

	anyVerdict = `SELECT 1::bigint FROM endpoints e JOIN transactions t ON t.settled_event > e.position WHERE e.name = $1 LIMIT 1`

	// $1 is the endpoint, $2 the tenant, $3 the limit. It runs under the lock of all changes, so nobody else moves the position.
	enlist = `WITH passed AS (
			SELECT id, tenant, settled_at, settled_event FROM transactions
			WHERE settled_event > (SELECT position FROM endpoints WHERE name = $1) ORDER BY settled_event LIMIT $3
		), listed AS (
			INSERT INTO notices (endpoint, transaction_id, version, attempts, due, settled_at, result)
			SELECT $1, id, 1, 0, settled_at, settled_at, '' FROM passed
			WHERE $2::bytea = '' OR tenant = $2 ORDER BY settled_event ON CONFLICT DO NOTHING
		), moved AS (
			UPDATE endpoints SET position = (SELECT max(settled_event) FROM passed) WHERE name = $1 AND EXISTS (SELECT FROM passed)
		)
		SELECT count(*) FROM passed`

	// $1 is the endpoint, $2 now, $3 the limit, $4 the end of the claim.
	dueNotices = `SELECT number FROM notices WHERE endpoint = $1 AND due <= $2
		AND NOT EXISTS (SELECT FROM endpoints WHERE name = $1 AND closed_until > $2) ORDER BY due, number LIMIT $3`
	claimNotices = `WITH longest AS MATERIALIZED (` + dueNotices + `)
		UPDATE notices n SET due = $4 FROM longest WHERE n.number = longest.number RETURNING n.number, endpoint, transaction_id, version, attempts, due, settled_at, tried_at, result, told_at`

	replaceNotice = `UPDATE notices SET version = $1, attempts = $2, due = $3, tried_at = $4, result = $5, told_at = $6
		WHERE number = $7 AND version = $8`

	noticesOf = `SELECT ` + noticeColumns + ` FROM notices WHERE transaction_id = $1 ORDER BY endpoint`
)

// noticesIn are the queries of each state.
var noticesIn = map[verdict.NoticeState]string{
	verdict.NoticePending: listNotices(`due IS NOT NULL`),
	verdict.NoticeTold:    listNotices(`due IS NULL AND told_at IS NOT NULL`),
	verdict.NoticeGivenUp: listNotices(`due IS NULL AND told_at IS NULL`),
}

func listNotices(state string) string {
	return `SELECT ` + noticeColumns + ` FROM notices
		WHERE ` + state + ` AND number > $1 AND ($2::bytea = '' OR endpoint = $2) ORDER BY number LIMIT $3`
}

// Enlist implements verdict.Store. Where nothing was settled since it only reads.
func (s *Store) Enlist(ctx context.Context, endpoint, tenant string, limit int) (int, error) {
	found, err := read(ctx, s, value[int64], anyVerdict, word(endpoint))
	if err != nil {
		return 0, fmt.Errorf("look for verdicts to tell: %w", err)
	}
	if len(found) == 0 || limit <= 0 {
		return 0, nil
	}
	n, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, passed *int) {
		c.query(enlist, func(rows pgx.Rows) error { return rows.Scan(passed) }, word(endpoint), word(tenant), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("make notices of verdicts: %w", err)
	}
	return n, nil
}

// ClaimNotices implements verdict.Store. Where nothing is due it only reads.
func (s *Store) ClaimNotices(ctx context.Context, endpoint string, now time.Time, limit int) ([]verdict.Notice, error) {
	due, err := read(ctx, s, value[int64], dueNotices, word(endpoint), moment(now), min(max(limit, 0), 1))
	if err != nil {
		return nil, fmt.Errorf("look for due notices: %w", err)
	}
	if len(due) == 0 {
		return nil, nil
	}
	claimed, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, claimed *[]verdict.Notice) {
		c.query(claimNotices, func(rows pgx.Rows) error {
			n, err := scanNotice(rows)
			*claimed = append(*claimed, n)
			return err
		}, word(endpoint), moment(now), limit, moment(now.Add(verdict.NoticeLease)))
	})
	if err != nil {
		return nil, fmt.Errorf("claim due notices: %w", err)
	}
	slices.SortFunc(claimed, func(a, b verdict.Notice) int { return cmp.Compare(a.Number, b.Number) }) // an order that RETURNING doesn't keep
	return claimed, nil
}

// ReplaceNotice implements verdict.Store.
func (s *Store) ReplaceNotice(ctx context.Context, next verdict.Notice) error {
	changed, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, changed *int64) {
		c.count(replaceNotice, func(n int64) { *changed = n }, next.Version, next.Attempts, moment(next.Due), moment(next.TriedAt),
			word(next.Result), moment(next.ToldAt), next.Number, next.Version-1)
	})
	if err == nil && changed == 0 {
		err = verdict.ErrStale
	}
	if err != nil {
		return fmt.Errorf("replace notice: %w", err)
	}
	return nil
}

// NoticesOf implements verdict.Store.
func (s *Store) NoticesOf(ctx context.Context, transaction string) ([]verdict.Notice, error) {
	return s.notices(ctx, noticesOf, word(transaction))
}

// Notices implements verdict.Store.
func (s *Store) Notices(ctx context.Context, endpoint string, state verdict.NoticeState, after int64, limit int) ([]verdict.Notice, error) {
	return s.notices(ctx, noticesIn[state], after, word(endpoint), max(limit, 0))
}

func (s *Store) notices(ctx context.Context, query string, args ...any) ([]verdict.Notice, error) {
	found, err := read(ctx, s, scanNotice, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return found, nil
}

func scanNotice(row pgx.CollectableRow) (n verdict.Notice, err error) {
	err = row.Scan(&n.Number, (*word)(&n.Endpoint), (*word)(&n.Transaction), &n.Version, &n.Attempts, (*moment)(&n.Due),
		(*moment)(&n.SettledAt), (*moment)(&n.TriedAt), (*word)(&n.Result), (*moment)(&n.ToldAt))
	return n, err
}
