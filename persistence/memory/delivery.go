package memory

import (
	"cmp"
	"context"
	"fmt"

	"verdict"
)

// Deliver implements verdict.Store.
func (s *Store) Deliver(ctx context.Context, deliveries []verdict.Delivery) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("note what apps were told: %w", err)
	}
	defer s.leave()
	for _, d := range deliveries {
		t, ok := s.transactions[d.Transaction]
		if !ok || !t.Settled() {
			continue
		}
		t.ToldAt = cmp.Or(t.ToldAt, plain(d.Told))
		t.ConfirmedAt = cmp.Or(t.ConfirmedAt, plain(d.Confirmed))
		s.transactions[t.ID] = t
	}
	return nil
}

// Unconfirmed implements verdict.Store.
func (s *Store) Unconfirmed(ctx context.Context, a verdict.Audience, after, until int64, limit int) ([]verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read unconfirmed transactions: %w", err)
	}
	defer s.leave()
	return s.which(after, limit, func(t verdict.Transaction) bool {
		return t.Settled() && t.ConfirmedAt.IsZero() && t.Audience() == a && t.EventID <= until
	}), nil
}
