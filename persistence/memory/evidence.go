package memory

import (
	"bytes"
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
	e = ownEvidence(e)
	if e.Source == verdict.SourceWebhook && slices.ContainsFunc(s.evidence[id], func(kept verdict.Evidence) bool {
		return kept.Source == e.Source && bytes.Equal(kept.Raw, e.Raw)
	}) {
		return
	}
	s.evidence[id] = append(s.evidence[id], e)
	s.pieces++
	if e.Conflict {
		s.conflicts = append(s.conflicts, verdict.Conflict{Number: s.pieces, Transaction: verdict.Transaction{ID: id}, Evidence: e})
	}
}

// ownEvidence returns a copy of e that shares nothing with it.
func ownEvidence(e verdict.Evidence) verdict.Evidence {
	e.Raw = slices.Clone(e.Raw)
	return e
}

// History implements verdict.Store.
func (s *Store) History(ctx context.Context, id string) ([]verdict.Evidence, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	defer s.leave()
	found := slices.Clone(s.evidence[id])
	for i := range found {
		found[i] = ownEvidence(found[i])
	}
	return found, nil
}
