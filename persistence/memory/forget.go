package memory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"verdict"
)

// Forget implements verdict.Forgetter.
func (s *Store) Forget(ctx context.Context, archived []verdict.Past) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, fmt.Errorf("forget transactions: %w", err)
	}
	defer s.leave()
	forgotten := 0
	for _, past := range archived {
		t, known := s.transactions[past.Transaction.ID]
		kept := s.evidence[t.ID]
		contradicted := slices.ContainsFunc(kept, func(p piece) bool { return p.Conflict })
		untold := slices.ContainsFunc(s.notices, func(n verdict.Notice) bool {
			return n.Transaction == t.ID && n.State() == verdict.NoticePending
		})
		if !known || !t.Settled() || s.scopes[t.Scope] == t.ID || contradicted || untold || len(kept) != len(past.Evidence) {
			continue
		}
		delete(s.transactions, t.ID)
		delete(s.evidence, t.ID)
		for i, n := range s.notices {
			if n.Transaction == t.ID {
				s.notices[i] = verdict.Notice{} // of no endpoint; the numbers of the others stay
			}
		}
		forgotten++
	}
	return forgotten, nil
}

// Stranded implements verdict.Forgetter.
func (s *Store) Stranded(ctx context.Context, before time.Time, limit int) ([]verdict.Webhook, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read stranded webhooks: %w", err)
	}
	defer s.leave()
	return s.webhooks(limit, func(w verdict.Webhook, known bool) bool { return !known && w.At.Before(before) }), nil
}
