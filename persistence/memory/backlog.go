package memory

import (
	"context"
	"fmt"
	"time"

	"verdict"
)

// Backlog implements verdict.Store.
func (s *Store) Backlog(ctx context.Context, now time.Time) (verdict.Backlog, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Backlog{}, fmt.Errorf("count the backlog: %w", err)
	}
	defer s.leave()
	b := verdict.Backlog{Commands: len(s.outbox), Parked: len(s.parked)}
	for _, next := range s.outbox {
		if next.since.After(plain(now)) {
			continue
		}
		if b.Due++; b.Due == 1 || next.since.Before(b.DueSince) {
			b.DueSince = next.since
		}
	}
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
