package memory

import (
	"context"
	"fmt"
)

// SkipEventIDs implements verdict.Restorable.
func (s *Store) SkipEventIDs(ctx context.Context, count int64) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("skip event ids: %w", err)
	}
	defer s.leave()
	s.event += count
	return nil
}
