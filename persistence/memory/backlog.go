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
	b := verdict.Backlog{Commands: len(s.outbox), Parked: len(s.parked)}
	for _, t := range s.transactions {
		if t.Stage == verdict.StageReview {
			b.Review++
		}
	}
	for _, kept := range s.evidence {
		for _, p := range kept {
			if p.Conflict {
				b.Conflicts++
			}
		}
	}
	return b, nil
}
