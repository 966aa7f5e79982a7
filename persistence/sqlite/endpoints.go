package sqlite

import (
	"context"
	"fmt"
	"time"

	"verdict"
)

const (
	addEndpoint   = `INSERT INTO endpoints (name, position) VALUES (?, ?) ON CONFLICT DO NOTHING`
	closeEndpoint = `UPDATE endpoints SET closed_until = ?2, reason = ?3 WHERE name = ?1 AND (closed_until IS NULL OR closed_until < ?2)`
	openEndpoint  = `UPDATE endpoints SET closed_until = NULL, reason = '' WHERE name = ?`

	// ?1 is the endpoint, ?2 the limit. Each part walks an index of just what it finds.
	dropNotices = `DELETE FROM notices WHERE number IN (
			SELECT number FROM notices WHERE endpoint = +?1 AND due IS NOT NULL
			UNION ALL SELECT number FROM notices WHERE endpoint = +?1 AND due IS NULL AND told_at IS NULL LIMIT +?2)`
	dropEndpoint  = `DELETE FROM endpoints WHERE name = ?`
	knownEndpoint = `SELECT 1 FROM endpoints WHERE name = ?`

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

// DropEndpoint implements verdict.Store.
func (s *Store) DropEndpoint(ctx context.Context, name string, limit int) (int, error) {
	d, err := write(ctx, s.queue.Wait, func(c *commit) (dropped, error) { return c.dropEndpoint(name, limit) })
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

func (c *commit) dropEndpoint(name string, limit int) (dropped, error) {
	found, err := list(context.Background(), c.kept, value[int], knownEndpoint, name)
	if err != nil || len(found) == 0 {
		return dropped{}, err
	}
	n, err := c.kept.exec(dropNotices, name, max(limit, 0))
	if err == nil && int(n) < limit {
		_, err = c.kept.exec(dropEndpoint, name)
	}
	return dropped{int(n), true}, err
}

// Endpoints implements verdict.Store.
func (s *Store) Endpoints(ctx context.Context) ([]verdict.Endpoint, error) {
	found, err := read(ctx, s, scanEndpoint, endpoints)
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	return found, nil
}

func scanEndpoint(rows row) (e verdict.Endpoint, err error) {
	err = rows.Scan(&e.Name, (*moment)(&e.ClosedUntil), &e.Reason, &e.Pending, (*moment)(&e.Oldest), &e.GivenUp)
	return e, err
}
