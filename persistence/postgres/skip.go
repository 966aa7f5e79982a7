package postgres

import (
	"context"
	"fmt"
)

const skipEvents = `UPDATE meta SET event = event + $1`

// SkipEventIDs implements verdict.Restorable.
func (s *Store) SkipEventIDs(ctx context.Context, count int64) error {
	if err := s.change(ctx, 0, skipEvents, count); err != nil {
		return fmt.Errorf("skip event ids: %w", err)
	}
	return nil
}
