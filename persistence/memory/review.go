package memory

import (
	"context"
	"fmt"

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
	for _, c := range s.conflicts {
		if c.Number <= after || len(found) >= limit {
			continue
		}
		id := c.Transaction.ID
		found = append(found, verdict.Conflict{Number: c.Number, Transaction: own(s.transactions[id]), Evidence: ownEvidence(c.Evidence)})
	}
	return found, nil
}
