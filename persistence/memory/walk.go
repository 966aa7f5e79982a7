package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"verdict"
)

// Walk implements verdict.Store.
func (s *Store) Walk(ctx context.Context, from, below string, limit int) ([]verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("walk through transactions: %w", err)
	}
	defer s.leave()
	var found []verdict.Transaction
	for _, t := range s.transactions {
		if t.ID >= from && t.ID < below {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b verdict.Transaction) int { return cmp.Compare(b.ID, a.ID) })
	found = found[:min(len(found), max(limit, 0))]
	for i := range found {
		found[i] = own(found[i])
		found[i].Payload = nil
	}
	return found, nil
}
