package memory

import (
	"context"
	"fmt"

	"verdict"
)

// Backlog implements verdict.Store.
func (s *Store) Backlog(ctx context.Context) (verdict.Backlog, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Backlog{}, fmt.Errorf("count the backlog: %w", err)
	}
	defer s.leave()
	b := verdict.Backlog{Commands: len(s.outbox), Conflicts: len(s.conflicts), Parked: len(s.parked)}
	for _, t := range s.transactions {
		if t.Stage == verdict.StageReview {
			b.Review++
		}
	}
	return b, nil
}
