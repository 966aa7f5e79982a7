package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"verdict"
)

// InStage implements verdict.Store.
func (s *Store) InStage(ctx context.Context, stage verdict.Stage, after int64, limit int) ([]verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read transactions by stage: %w", err)
	}
	defer s.leave()
	return s.which(after, limit, func(t verdict.Transaction) bool { return t.Stage == stage }), nil
}

// Conflicts implements verdict.Store.
func (s *Store) Conflicts(ctx context.Context, after int64, limit int) ([]verdict.Conflict, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	defer s.leave()
	var found []verdict.Conflict
	for id, kept := range s.evidence {
		for _, p := range kept {
			if p.Conflict && p.number > after {
				found = append(found, verdict.Conflict{Number: p.number, Transaction: own(s.transactions[id]), Evidence: ownEvidence(p.Evidence)})
			}
		}
	}
	slices.SortFunc(found, func(a, b verdict.Conflict) int { return cmp.Compare(a.Number, b.Number) })
	return found[:min(len(found), max(limit, 0))], nil
}
