package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"verdict"
)

const (
	putOff = `UPDATE outbox SET due = greatest($1, since) WHERE transaction_id = $2`

	// $3 is now, $4 the limit, $5 the shortest claim, $6 the longest. The bound on since takes nothing away. It ends the
	// search where what is due later begins. A command that another is about to claim or to replace is passed over.
	claimDue = `WITH longest AS MATERIALIZED (
			SELECT transaction_id FROM outbox WHERE provider = $1 AND kind = $2 AND since <= $3 AND due <= $3
			ORDER BY since, transaction_id LIMIT $4 FOR UPDATE SKIP LOCKED
		)
		UPDATE outbox o SET due = $3 + least(greatest($3 - o.since, $5), $6)
		FROM longest WHERE o.transaction_id = longest.transaction_id
		RETURNING o.kind, o.transaction_id, o.version, o.provider, o.since`

	unclaim = `UPDATE outbox o SET due = o.since FROM unnest($1::bytea[], $2::bigint[]) AS g (id, version)
		WHERE o.transaction_id = g.id AND o.version = g.version`

	dueSince = `SELECT since FROM outbox WHERE provider = $1 AND kind = $2 ORDER BY since LIMIT 1 OFFSET $3`

	// Each provider is looked up from the one before it: the commands of one may be many.
	waiting = `WITH RECURSIVE names (name) AS (
			(SELECT provider FROM outbox ORDER BY provider LIMIT 1)
			UNION ALL SELECT (SELECT provider FROM outbox WHERE provider > name ORDER BY provider LIMIT 1) FROM names
			WHERE name IS NOT NULL
		) SELECT name FROM names WHERE name IS NOT NULL ORDER BY name`
)

// A nextStep is what the outbox holds for a change: nothing if its kind is empty.
type nextStep struct {
	kind       verdict.Kind
	since, due time.Time
}

// step is the next step of a change. One that is due already is the committer's for a lease.
func (c *commit) step(t verdict.Transaction) nextStep {
	command, _ := t.Command()
	s := nextStep{command.Kind, t.Due, t.Due}
	if s.since.IsZero() {
		s.since = c.now
	}
	if !s.due.After(c.now) {
		s.due = c.now.Add(verdict.Lease)
	}
	return s
}

func kinds(steps []nextStep) []string {
	return column(steps, func(s nextStep) string { return string(s.kind) })
}

func sinces(steps []nextStep) []moment {
	return column(steps, func(s nextStep) moment { return moment(s.since) })
}

func claims(steps []nextStep) []moment {
	return column(steps, func(s nextStep) moment { return moment(s.due) })
}

// A claim is a command that was claimed.
type claim struct {
	command verdict.Command
	since   int64 // when it was due at first
}

// ClaimDue implements verdict.Store. It doesn't wait for the writers: a claim is no change of a transaction.
func (s *Store) ClaimDue(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
	claimed, err := s.claim(ctx, lane, now, limit)
	for n := 1; n < attempts && isCode(err, "40001", "40P01"); n++ {
		claimed, err = s.claim(ctx, lane, now, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("claim due commands: %w", err)
	}
	slices.SortFunc(claimed, func(a, b claim) int { // an order that RETURNING doesn't keep
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.command.Transaction, b.command.Transaction))
	})
	var commands []verdict.Command
	for _, c := range claimed {
		commands = append(commands, c.command)
	}
	return commands, nil
}

func (s *Store) claim(ctx context.Context, lane verdict.Lane, now time.Time, limit int) (claimed []claim, err error) {
	if err := s.queue.Enter(); err != nil {
		return nil, err
	}
	defer s.queue.Leave()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	b := &pgx.Batch{} // which is a transaction of its own
	b.Queue(writeSettings)
	b.Queue(claimDue, word(lane.Provider), string(lane.Kind), moment(now), max(limit, 0), int64(verdict.Lease), int64(verdict.MaxClaim)).
		Query(func(rows pgx.Rows) (err error) {
			claimed, err = list(rows, scanClaim)
			return err
		})
	err = conn.SendBatch(ctx, b).Close()
	if err != nil && !fromServer(err) && !pgconn.SafeToRetry(err) {
		err = fmt.Errorf("%w: %w", verdict.ErrUncertain, err)
	}
	return claimed, err
}

func scanClaim(row pgx.CollectableRow) (c claim, err error) {
	err = row.Scan(&c.command.Kind, (*word)(&c.command.Transaction), &c.command.Version, (*word)(&c.command.Provider), &c.since)
	return c, err
}

// Unclaim implements verdict.Store.
func (s *Store) Unclaim(ctx context.Context, claimed []verdict.Command) error {
	_, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, _ *struct{}) {
		c.exec(unclaim,
			column(claimed, func(command verdict.Command) word { return word(command.Transaction) }),
			column(claimed, func(command verdict.Command) int64 { return command.Version }))
	})
	if err != nil {
		return fmt.Errorf("give claims back: %w", err)
	}
	return nil
}

// DueSince implements verdict.Store.
func (s *Store) DueSince(ctx context.Context, lane verdict.Lane, rank int) (time.Time, error) {
	found, err := read(ctx, s, value[moment], dueSince, word(lane.Provider), string(lane.Kind), rank)
	if err != nil {
		return time.Time{}, fmt.Errorf("read since when commands are due: %w", err)
	}
	if len(found) == 0 {
		return time.Time{}, nil
	}
	return time.Time(found[0]), nil
}

// Waiting implements verdict.Store.
func (s *Store) Waiting(ctx context.Context) ([]string, error) {
	found, err := read(ctx, s, value[word], waiting)
	if err != nil {
		return nil, fmt.Errorf("read whose commands wait: %w", err)
	}
	return column(found, func(name word) string { return string(name) }), nil
}
