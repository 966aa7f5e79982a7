package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"verdict"
)

// A step is a command in the outbox.
type step struct {
	command verdict.Command
	since   time.Time // when it was due at first
	due     time.Time // when it may be claimed next
}

// putCommand keeps the command of a change in place of the one before it. One that is due already is the committer's for
// a lease.
func (s *Store) putCommand(t verdict.Transaction) {
	command, ok := t.Command()
	if !ok {
		delete(s.outbox, t.ID)
		return
	}
	now := plain(time.Now())
	next := step{command, t.Due, t.Due}
	if next.since.IsZero() {
		next.since = now
	}
	if !next.due.After(now) {
		next.due = now.Add(verdict.Lease)
	}
	s.outbox[t.ID] = next
}

// putOff has a transaction's command wait, if there is one.
func (s *Store) putOff(id string, until time.Time) {
	next, ok := s.outbox[id]
	if !ok {
		return
	}
	next.due = until
	if until.Before(next.since) {
		next.due = next.since
	}
	s.outbox[id] = next
}

// ClaimDue implements verdict.Store.
func (s *Store) ClaimDue(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("claim due commands: %w", err)
	}
	defer s.leave()
	now = plain(now)
	var due []step
	for _, next := range s.outbox {
		in := verdict.Lane{Provider: next.command.Provider, Kind: next.command.Kind}
		if in == lane && !next.due.After(now) {
			due = append(due, next)
		}
	}
	slices.SortFunc(due, func(a, b step) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.command.Transaction, b.command.Transaction))
	})
	var claimed []verdict.Command
	for _, next := range due[:min(len(due), max(limit, 0))] {
		next.due = now.Add(min(max(now.Sub(next.since), verdict.Lease), verdict.MaxClaim))
		s.outbox[next.command.Transaction] = next
		claimed = append(claimed, next.command)
	}
	return claimed, nil
}

// Unclaim implements verdict.Store.
func (s *Store) Unclaim(ctx context.Context, claimed []verdict.Command) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("give claims back: %w", err)
	}
	defer s.leave()
	for _, command := range claimed {
		if next, ok := s.outbox[command.Transaction]; ok && next.command.Version == command.Version {
			next.due = next.since
			s.outbox[command.Transaction] = next
		}
	}
	return nil
}

// DueSince implements verdict.Store.
func (s *Store) DueSince(ctx context.Context, lane verdict.Lane, rank int) (time.Time, error) {
	if err := s.enter(ctx); err != nil {
		return time.Time{}, fmt.Errorf("read since when commands are due: %w", err)
	}
	defer s.leave()
	var since []time.Time
	for _, next := range s.outbox {
		if next.command.Provider == lane.Provider && next.command.Kind == lane.Kind {
			since = append(since, next.since)
		}
	}
	if rank >= len(since) {
		return time.Time{}, nil
	}
	slices.SortFunc(since, time.Time.Compare)
	return since[rank], nil
}

// Waiting implements verdict.Store.
func (s *Store) Waiting(ctx context.Context) ([]string, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read whose commands wait: %w", err)
	}
	defer s.leave()
	var names []string
	for _, next := range s.outbox {
		names = append(names, next.command.Provider)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
