package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"verdict"
)

// A piece is a piece of evidence with its number, in the order of storing.
type piece struct {
	verdict.Evidence
	number int64
}

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

// record keeps evidence, and has the pace follow from it. What isn't kept again doesn't change the pace again.
func (s *Store) record(id string, e verdict.Evidence) {
	e.Asked, e.At = plain(e.Asked), plain(e.At)
	e = ownEvidence(e)
	if e.Source == verdict.SourceWebhook && slices.ContainsFunc(s.evidence[id], func(kept piece) bool {
		return kept.Source == e.Source && bytes.Equal(kept.Raw, e.Raw)
	}) {
		return
	}
	s.pieces++
	s.evidence[id] = append(s.evidence[id], piece{e, s.pieces})
	provider := s.transactions[id].Provider
	s.keepPace(provider, s.partners[provider].Pace.After(e))
}

// contradict makes conflicts of what is on record against a verdict.
func (s *Store) contradict(t verdict.Transaction) {
	kept := s.evidence[t.ID]
	for i, p := range kept {
		kept[i].Conflict = p.Conflict || t.Contradicts(p.Evidence)
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
	var found []verdict.Evidence
	for _, p := range s.evidence[id] {
		found = append(found, ownEvidence(p.Evidence))
	}
	return found, nil
}
