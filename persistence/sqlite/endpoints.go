package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"verdict"
)

const (
	addEndpoint   = `INSERT INTO endpoints (name, position) VALUES (?, ?) ON CONFLICT DO NOTHING`
	closeEndpoint = `UPDATE endpoints SET closed_until = ?2, reason = ?3 WHERE name = ?1 AND (closed_until IS NULL OR closed_until < ?2)`
	openEndpoint  = `UPDATE endpoints SET closed_until = NULL, reason = '' WHERE name = ?`

	// Each count walks an index of just what it counts.
	endpoints = `SELECT name, closed_until, reason,
			(SELECT count(*) FROM notices WHERE endpoint = name AND due IS NOT NULL),
			(SELECT min(settled_at) FROM notices WHERE endpoint = name AND due IS NOT NULL),
			(SELECT count(*) FROM notices WHERE endpoint = name AND due IS NULL AND told_at IS NULL)
		FROM endpoints ORDER BY name`
)

// AddEndpoint implements verdict.Store.
func (s *Store) AddEndpoint(ctx context.Context, name string) error {
	_, err := write(ctx, s.queue.Wait, func(c *commit) (int64, error) { return c.kept.exec(addEndpoint, name, c.event) })
	if err != nil {
		return fmt.Errorf("add an endpoint: %w", err)
	}
	return nil
}

// CloseEndpoint implements verdict.Store.
func (s *Store) CloseEndpoint(ctx context.Context, name string, until time.Time, reason string) error {
	if err := s.change(ctx, closeEndpoint, name, moment(until), reason); err != nil {
		return fmt.Errorf("close an endpoint: %w", err)
	}
	return nil
}

// OpenEndpoint implements verdict.Store.
func (s *Store) OpenEndpoint(ctx context.Context, name string) error {
	changed, err := write(ctx, s.queue.Wait, func(c *commit) (int64, error) { return c.kept.exec(openEndpoint, name) })
	if err == nil && changed == 0 {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("open an endpoint: %w", err)
	}
	return nil
}

// Endpoints implements verdict.Store.
func (s *Store) Endpoints(ctx context.Context) ([]verdict.Endpoint, error) {
	found, err := read(ctx, s, scanEndpoint, endpoints)
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	return found, nil
}

func scanEndpoint(rows *sql.Rows) (e verdict.Endpoint, err error) {
	err = rows.Scan(&e.Name, (*moment)(&e.ClosedUntil), &e.Reason, &e.Pending, (*moment)(&e.Oldest), &e.GivenUp)
	return e, err
}
