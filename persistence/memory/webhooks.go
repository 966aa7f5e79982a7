package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"verdict"
)

// Park implements verdict.Store.
func (s *Store) Park(ctx context.Context, w verdict.Webhook) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("park webhook: %w", err)
	}
	defer s.leave()
	if slices.ContainsFunc(s.parked, same(w)) {
		return nil
	}
	w.At, w.Body = plain(w.At), slices.Clone(w.Body)
	s.parked = append(s.parked, w)
	return nil
}

// Parked implements verdict.Store.
func (s *Store) Parked(ctx context.Context, limit int) ([]verdict.Webhook, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read parked webhooks: %w", err)
	}
	defer s.leave()
	return s.webhooks(limit, func(_ verdict.Webhook, known bool) bool { return known }), nil
}

// webhooks returns the first parked webhooks that fulfil a condition on them and on whether their transaction is known.
func (s *Store) webhooks(limit int, are func(w verdict.Webhook, known bool) bool) (found []verdict.Webhook) {
	for _, w := range s.parked {
		if _, known := s.transactions[w.Transaction]; len(found) < limit && are(w, known) {
			w.Body = slices.Clone(w.Body)
			found = append(found, w)
		}
	}
	return found
}

// Unpark implements verdict.Store.
func (s *Store) Unpark(ctx context.Context, w verdict.Webhook) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("unpark webhook: %w", err)
	}
	defer s.leave()
	s.parked = slices.DeleteFunc(s.parked, same(w))
	return nil
}

// same returns whether another webhook has the body of w, from the same partner for the same transaction.
func same(w verdict.Webhook) func(verdict.Webhook) bool {
	return func(other verdict.Webhook) bool {
		return other.Provider == w.Provider && other.Transaction == w.Transaction && bytes.Equal(other.Body, w.Body)
	}
}
