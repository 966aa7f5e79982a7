package memory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"verdict"
)

// Partner implements verdict.Store.
func (s *Store) Partner(ctx context.Context, provider string) (verdict.Partner, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Partner{}, fmt.Errorf("read what is known of a partner: %w", err)
	}
	defer s.leave()
	known := s.partners[provider]
	known.Learned = verdict.Learned{}.Add(known.Learned) // a copy that shares nothing with it
	return known, nil
}

// Learn implements verdict.Store.
func (s *Store) Learn(ctx context.Context, provider string, seen verdict.Learned) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("learn of a partner: %w", err)
	}
	defer s.leave()
	seen.At = plain(seen.At)
	known := s.partners[provider]
	known.Learned = known.Learned.Add(seen)
	s.partners[provider] = known
	return nil
}

// Ask implements verdict.Store.
func (s *Store) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Transaction{}, verdict.Turn{}, fmt.Errorf("ask: %w", err)
	}
	defer s.leave()
	standing, ok := s.transactions[next.ID]
	if !ok || standing.Version != next.Version-1 {
		return verdict.Transaction{}, verdict.Turn{}, fmt.Errorf("ask: %w", verdict.ErrStale)
	}
	pace, turn, err := s.partners[standing.Provider].Pace.Take(b, plain(now))
	if paced, ok := errors.AsType[*verdict.PacedError](err); ok {
		s.putOff(next.ID, paced.Until)
		return verdict.Transaction{}, verdict.Turn{}, fmt.Errorf("ask: %w", paced)
	}
	s.keepPace(standing.Provider, pace)
	return s.replace(standing, next), turn, nil
}

func (s *Store) keepPace(provider string, p verdict.Pace) {
	known := s.partners[provider]
	known.Pace = p
	s.partners[provider] = known
}
