package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"verdict"
)

const (
	noticeColumns = `number, endpoint, transaction_id, version, attempts, due, settled_at, tried_at, result, told_at`

	// What is settled names the stage as a literal, so that the partial index serves it.
	anyVerdict = `SELECT 1 FROM endpoints e JOIN transactions t ON t.stage = 'settled' AND t.event_id > e.position
		WHERE e.name = +? LIMIT 1`
	reach = `SELECT count(*), coalesce(max(event_id), 0) FROM (SELECT event_id FROM transactions
		WHERE stage = 'settled' AND event_id > (SELECT position FROM endpoints WHERE name = ?) ORDER BY event_id LIMIT +?)`
	enlist = `INSERT INTO notices (endpoint, transaction_id, version, attempts, due, settled_at, result)
		SELECT ?1, id, 1, 0, settled_at, settled_at, '' FROM transactions
		WHERE stage = 'settled' AND event_id > (SELECT position FROM endpoints WHERE name = ?1) AND event_id <= ?2
		AND (+?3 = '' OR tenant = +?3) ORDER BY event_id ON CONFLICT DO NOTHING`
	moveEndpoint = `UPDATE endpoints SET position = ? WHERE name = ?`

	// ?1 is the endpoint, ?2 now, ?3 the limit, ?4 the end of the claim.
	dueNotices = `SELECT number FROM notices WHERE endpoint = +?1 AND due <= ?2
		AND NOT EXISTS (SELECT 1 FROM endpoints WHERE name = ?1 AND closed_until > ?2) ORDER BY due, number LIMIT +?3`
	claimNotices = `UPDATE notices SET due = ?4 WHERE number IN (` + dueNotices + `) RETURNING ` + noticeColumns

	replaceNotice = `UPDATE notices SET version = ?, attempts = ?, due = ?, tried_at = ?, result = ?, told_at = ?
		WHERE number = ? AND version = ?`

	noticesOf = `SELECT ` + noticeColumns + ` FROM notices WHERE transaction_id = +? ORDER BY endpoint`
)

// noticesIn are the queries of each state.
var noticesIn = map[verdict.NoticeState]string{
	verdict.NoticePending: listNotices(`due IS NOT NULL`),
	verdict.NoticeTold:    listNotices(`due IS NULL AND told_at IS NOT NULL`),
	verdict.NoticeGivenUp: listNotices(`due IS NULL AND told_at IS NULL`),
}

func listNotices(state string) string {
	return `SELECT ` + noticeColumns + ` FROM notices WHERE ` + state + ` AND number > ?1 AND (+?2 = '' OR endpoint = +?2) ORDER BY number LIMIT +?3`
}

// Enlist implements verdict.Store. Where nothing was settled since it only reads.
func (s *Store) Enlist(ctx context.Context, endpoint, tenant string, limit int) (int, error) {
	found, err := read(ctx, s, value[int], anyVerdict, endpoint)
	if err != nil {
		return 0, fmt.Errorf("look for verdicts to tell: %w", err)
	}
	if len(found) == 0 || limit <= 0 {
		return 0, nil
	}
	n, err := write(ctx, s.queue.Wait, func(c *commit) (int, error) { return c.enlist(endpoint, tenant, limit) })
	if err != nil {
		return 0, fmt.Errorf("make notices of verdicts: %w", err)
	}
	return n, nil
}

// A stretch is so many verdicts, up to one.
type stretch struct {
	count int
	until int64
}

func scanStretch(rows row) (s stretch, err error) {
	err = rows.Scan(&s.count, &s.until)
	return s, err
}

func (c *commit) enlist(endpoint, tenant string, limit int) (int, error) {
	s, err := first(list(context.Background(), c.kept, scanStretch, reach, endpoint, limit))
	if err != nil || s.count == 0 {
		return 0, err
	}
	if _, err := c.kept.exec(enlist, endpoint, s.until, tenant); err != nil {
		return 0, err
	}
	_, err = c.kept.exec(moveEndpoint, s.until, endpoint)
	return s.count, err
}

// ClaimNotices implements verdict.Store. Where nothing is due it only reads.
func (s *Store) ClaimNotices(ctx context.Context, endpoint string, now time.Time, limit int) ([]verdict.Notice, error) {
	due, err := read(ctx, s, value[int], dueNotices, endpoint, moment(now), min(max(limit, 0), 1))
	if err != nil {
		return nil, fmt.Errorf("look for due notices: %w", err)
	}
	if len(due) == 0 {
		return nil, nil
	}
	claimed, err := write(ctx, s.queue.Wait, func(c *commit) ([]verdict.Notice, error) {
		return list(context.Background(), c.kept, scanNotice, claimNotices, endpoint, moment(now), limit, moment(now.Add(verdict.NoticeLease)))
	})
	if err != nil {
		return nil, fmt.Errorf("claim due notices: %w", err)
	}
	slices.SortFunc(claimed, func(a, b verdict.Notice) int { return cmp.Compare(a.Number, b.Number) }) // an order that RETURNING doesn't keep
	return claimed, nil
}

// ReplaceNotice implements verdict.Store.
func (s *Store) ReplaceNotice(ctx context.Context, next verdict.Notice) error {
	changed, err := write(ctx, s.queue.Wait, func(c *commit) (int64, error) {
		return c.kept.exec(replaceNotice, next.Version, next.Attempts, moment(next.Due), moment(next.TriedAt), next.Result,
			moment(next.ToldAt), next.Number, next.Version-1)
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
	return s.notices(ctx, noticesOf, transaction)
}

// Notices implements verdict.Store.
func (s *Store) Notices(ctx context.Context, endpoint string, state verdict.NoticeState, after int64, limit int) ([]verdict.Notice, error) {
	return s.notices(ctx, noticesIn[state], after, endpoint, max(limit, 0))
}

func (s *Store) notices(ctx context.Context, query string, args ...any) ([]verdict.Notice, error) {
	found, err := read(ctx, s, scanNotice, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	return found, nil
}

func scanNotice(rows row) (n verdict.Notice, err error) {
	err = rows.Scan(&n.Number, &n.Endpoint, &n.Transaction, &n.Version, &n.Attempts, (*moment)(&n.Due),
		(*moment)(&n.SettledAt), (*moment)(&n.TriedAt), &n.Result, (*moment)(&n.ToldAt))
	return n, err
}
