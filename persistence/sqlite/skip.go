package sqlite

import (
	"context"
	"fmt"
)

// SkipEventIDs implements verdict.Restorable.
func (s *Store) SkipEventIDs(ctx context.Context, count int64) error {
	_, err := write(ctx, s.queue.Wait, func(c *commit) (struct{}, error) {
		c.event += count
		return struct{}{}, nil
	})
	if err != nil {
		return fmt.Errorf("skip event ids: %w", err)
	}
	return nil
}
