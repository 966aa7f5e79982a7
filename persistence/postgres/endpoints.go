package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
)

const (
	addEndpoint   = `INSERT INTO endpoints (name, position) SELECT $1, event FROM meta ON CONFLICT DO NOTHING`
	closeEndpoint = `UPDATE endpoints SET closed_until = $2, reason = $3 WHERE name = $1 AND (closed_until IS NULL OR closed_until < $2)`
	openEndpoint  = `UPDATE endpoints SET closed_until = NULL, reason = '' WHERE name = $1`

	// $1 is the endpoint, $2 the limit. The answer is how many notices were deleted, and whether there was such an endpoint.
	dropEndpoint = `WITH untold AS MATERIALIZED (
			(SELECT number FROM notices WHERE endpoint = $1 AND due IS NOT NULL LIMIT $2)
			UNION ALL (SELECT number FROM notices WHERE endpoint = $1 AND due IS NULL AND told_at IS NULL LIMIT $2) LIMIT $2
		), dropped AS (
			DELETE FROM notices n USING untold WHERE n.number = untold.number
		), gone AS (
			DELETE FROM endpoints WHERE name = $1 AND (SELECT count(*) FROM untold) < $2
		)
		SELECT (SELECT count(*) FROM untold), EXISTS (SELECT FROM endpoints WHERE name = $1)`

	// Each count walks an index of just what it counts.
	endpoints = `SELECT name, closed_until, reason,
			(SELECT count(*) FROM notices WHERE endpoint = name AND due IS NOT NULL),
			(SELECT min(settled_at) FROM notices WHERE endpoint = name AND due IS NOT NULL),
			(SELECT count(*) FROM notices WHERE endpoint = name AND due IS NULL AND told_at IS NULL)
		FROM endpoints ORDER BY name`
)

// AddEndpoint implements verdict.Store. It begins after what was stored before its commit.
func (s *Store) AddEndpoint(ctx context.Context, name string) error {
	if err := s.change(ctx, 0, addEndpoint, word(name)); err != nil {
		return fmt.Errorf("add an endpoint: %w", err)
	}
	return nil
}

// CloseEndpoint implements verdict.Store.
func (s *Store) CloseEndpoint(ctx context.Context, name string, until time.Time, reason string) error {
	if err := s.change(ctx, 0, closeEndpoint, word(name), moment(until), word(reason)); err != nil {
		return fmt.Errorf("close an endpoint: %w", err)
	}
	return nil
}

// OpenEndpoint implements verdict.Store.
func (s *Store) OpenEndpoint(ctx context.Context, name string) error {
	changed, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, changed *int64) {
		c.count(openEndpoint, func(n int64) { *changed = n }, word(name))
	})
	if err == nil && changed == 0 {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("open an endpoint: %w", err)
	}
	return nil
}

// DropEndpoint implements verdict.Store.
func (s *Store) DropEndpoint(ctx context.Context, name string, limit int) (int, error) {
	d, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, d *dropped) {
		c.query(dropEndpoint, func(rows pgx.Rows) error { return rows.Scan(&d.notices, &d.known) }, word(name), max(limit, 0))
	})
	if err == nil && !d.known {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("drop an endpoint: %w", err)
	}
	return d.notices, nil
}

// dropped is what became of an endpoint that was to be dropped.
type dropped struct {
	notices int
	known   bool
}

// Endpoints implements verdict.Store.
func (s *Store) Endpoints(ctx context.Context) ([]verdict.Endpoint, error) {
	found, err := read(ctx, s, scanEndpoint, endpoints)
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	return found, nil
}

func scanEndpoint(row pgx.CollectableRow) (e verdict.Endpoint, err error) {
	err = row.Scan((*word)(&e.Name), (*moment)(&e.ClosedUntil), (*word)(&e.Reason), &e.Pending, (*moment)(&e.Oldest), &e.GivenUp)
	return e, err
}
