package memory

import (
	"context"
	"fmt"
	"time"
)

// Spend implements verdict.Store.
func (s *Store) Spend(ctx context.Context, name string, until time.Time) (first bool, err error) {
	if err := s.enter(ctx); err != nil {
		return false, fmt.Errorf("spend a name: %w", err)
	}
	defer s.leave()
	if s.spent[name] || !time.Now().Before(until) {
		return false, nil
	}
	s.spent[name] = true
	return true, nil
}
