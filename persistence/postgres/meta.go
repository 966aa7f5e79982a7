package postgres

import (
	"context"
	"fmt"
	"time"
)

const (
	eventCounter = `SELECT event FROM meta`
	secret       = `SELECT secret FROM meta`
	serverClock  = `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 1000`
)

// LastEventID implements verdict.Store.
func (s *Store) LastEventID(ctx context.Context) (int64, error) {
	last, err := first(read(ctx, s, value[int64], eventCounter))
	if err != nil {
		return 0, fmt.Errorf("read the event counter: %w", err)
	}
	return last, nil
}

// Now returns the time by the server's clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	now, err := first(read(ctx, s, value[moment], serverClock))
	if err != nil {
		return time.Time{}, fmt.Errorf("read the server's clock: %w", err)
	}
	return time.Time(now), nil
}

// Secret implements verdict.Store.
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	made, err := first(read(ctx, s, value[[]byte], secret))
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	return made, nil
}
