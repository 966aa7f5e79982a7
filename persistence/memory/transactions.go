package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"verdict"
)

// Create implements verdict.Store.
func (s *Store) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Transaction{}, false, fmt.Errorf("create transaction: %w", err)
	}
	defer s.leave()
	if id, taken := s.scopes[t.Scope]; taken {
		return own(s.transactions[id]), false, nil
	}
	if _, taken := s.transactions[t.ID]; taken {
		return verdict.Transaction{}, false, fmt.Errorf("create transaction: %w", errIDTaken)
	}
	t.Version, t.ToldAt, t.ConfirmedAt = 1, time.Time{}, time.Time{}
	s.scopes[t.Scope] = t.ID
	return s.put(t), true, nil
}

// Replace implements verdict.Store.
func (s *Store) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Transaction{}, fmt.Errorf("replace transaction: %w", err)
	}
	defer s.leave()
	standing, ok := s.transactions[next.ID]
	if !ok || standing.Version != next.Version-1 {
		return verdict.Transaction{}, fmt.Errorf("replace transaction: %w", verdict.ErrStale)
	}
	if e != nil {
		s.record(next.ID, *e)
	}
	if !next.Settled() {
		return s.replace(standing, next), nil
	}
	s.contradict(next)
	follows := s.lastVerdict(next.Audience())
	stored := s.replace(standing, next)
	stored.Follows = follows
	return stored, nil
}

// lastVerdict returns the event id of an audience's last verdict, 0 if it has none.
func (s *Store) lastVerdict(a verdict.Audience) (last int64) {
	for _, t := range s.transactions {
		if t.Settled() && t.Audience() == a {
			last = max(last, t.EventID)
		}
	}
	return last
}

// replace stores a change, and keeps what is known of its delivery.
func (s *Store) replace(standing, next verdict.Transaction) verdict.Transaction {
	next.ToldAt, next.ConfirmedAt = standing.ToldAt, standing.ConfirmedAt
	return s.put(next)
}

// put stores a change with its number and its command.
func (s *Store) put(t verdict.Transaction) verdict.Transaction {
	s.event++
	t.EventID = s.event
	t = own(t)
	s.transactions[t.ID] = t
	s.putCommand(t)
	return own(t)
}

// Transaction implements verdict.Store.
func (s *Store) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Transaction{}, fmt.Errorf("read transaction: %w", err)
	}
	defer s.leave()
	t, ok := s.transactions[id]
	if !ok {
		return verdict.Transaction{}, fmt.Errorf("read transaction: %w", verdict.ErrNotFound)
	}
	return own(t), nil
}

// Find implements verdict.Store.
func (s *Store) Find(ctx context.Context, scope verdict.Scope) (verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return verdict.Transaction{}, fmt.Errorf("read transaction: %w", err)
	}
	defer s.leave()
	id, ok := s.scopes[scope]
	if !ok {
		return verdict.Transaction{}, fmt.Errorf("read transaction: %w", verdict.ErrNotFound)
	}
	return own(s.transactions[id]), nil
}

// Settled implements verdict.Store.
func (s *Store) Settled(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read settled transactions: %w", err)
	}
	defer s.leave()
	return s.settled(a, after, limit), nil
}

func (s *Store) settled(a *verdict.Audience, after int64, limit int) []verdict.Transaction {
	return s.which(after, limit, func(t verdict.Transaction) bool {
		return t.Settled() && (a == nil || t.Audience() == *a)
	})
}

// which returns the first transactions after an event id that fulfil the condition, in the order of their event ids.
func (s *Store) which(after int64, limit int, is func(verdict.Transaction) bool) []verdict.Transaction {
	var found []verdict.Transaction
	for _, t := range s.transactions {
		if t.EventID > after && is(t) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b verdict.Transaction) int { return cmp.Compare(a.EventID, b.EventID) })
	found = found[:min(len(found), max(limit, 0))]
	for i := range found {
		found[i] = own(found[i])
	}
	return found
}

// own returns a copy of t that shares nothing with it.
func own(t verdict.Transaction) verdict.Transaction {
	t.Payload = slices.Clone(t.Payload)
	t.Due, t.CreatedAt, t.SentAt = plain(t.Due), plain(t.CreatedAt), plain(t.SentAt)
	t.CheckedAt, t.SettledAt = plain(t.CheckedAt), plain(t.SettledAt)
	return t
}
