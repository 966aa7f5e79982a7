package memory

import (
	"context"
	"fmt"
	"time"
)

// ReleaseKeys implements verdict.Store.
func (s *Store) ReleaseKeys(ctx context.Context, settledBefore time.Time, limit int) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, fmt.Errorf("release keys: %w", err)
	}
	defer s.leave()
	released := 0
	for _, t := range s.settled(nil, s.released, limit) {
		if !t.SettledAt.Before(settledBefore) {
			break
		}
		delete(s.scopes, t.Scope)
		s.released = t.EventID
		released++
	}
	return released, nil
}
