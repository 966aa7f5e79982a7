package postgres

import (
	"context"
	"fmt"
)

const (
	eventCounter = `SELECT event FROM meta`
	secret       = `SELECT secret FROM meta`
)

// LastEventID implements verdict.Store.
func (s *Store) LastEventID(ctx context.Context) (int64, error) {
	last, err := first(read(ctx, s, value[int64], eventCounter))
	if err != nil {
		return 0, fmt.Errorf("read the event counter: %w", err)
	}
	return last, nil
}

// Secret implements verdict.Store.
func (s *Store) Secret(ctx context.Context) ([]byte, error) {
	made, err := first(read(ctx, s, value[[]byte], secret))
	if err != nil {
		return nil, fmt.Errorf("read the secret: %w", err)
	}
	return made, nil
}
