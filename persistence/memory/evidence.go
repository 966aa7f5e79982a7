package memory

import (
	"context"
	"fmt"
	"slices"

	"verdict"
)

// Record implements verdict.Store. It returns verdict.ErrNotFound if there is no such transaction.
func (s *Store) Record(ctx context.Context, id string, e verdict.Evidence) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	defer s.leave()
	if _, ok := s.transactions[id]; !ok {
		return fmt.Errorf("record evidence: %w", verdict.ErrNotFound)
	}
	s.record(id, e)
	return nil
}

func (s *Store) record(id string, e verdict.Evidence) {
	e.Asked, e.At = plain(e.Asked), plain(e.At)
	e.Raw = slices.Clone(e.Raw)
	s.evidence[id] = append(s.evidence[id], e)
}

// History implements verdict.Store.
func (s *Store) History(ctx context.Context, id string) ([]verdict.Evidence, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	defer s.leave()
	found := slices.Clone(s.evidence[id])
	for i := range found {
		found[i].Raw = slices.Clone(found[i].Raw)
	}
	return found, nil
}
