package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"verdict"
)

// An endpoint is where a backend is told.
type endpoint struct {
	position    int64 // the event id up to which verdicts have become notices
	closedUntil time.Time
	reason      string
}

// AddEndpoint implements verdict.Store.
func (s *Store) AddEndpoint(ctx context.Context, name string) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("add an endpoint: %w", err)
	}
	defer s.leave()
	if _, known := s.endpoints[name]; !known {
		s.endpoints[name] = endpoint{position: s.event}
	}
	return nil
}

// Enlist implements verdict.Store.
func (s *Store) Enlist(ctx context.Context, name, tenant string, limit int) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, fmt.Errorf("make notices of verdicts: %w", err)
	}
	defer s.leave()
	e, known := s.endpoints[name]
	if !known {
		return 0, nil
	}
	passed := s.settled(nil, e.position, limit)
	for _, t := range passed {
		e.position = t.EventID
		if tenant == "" || t.Tenant == tenant {
			s.notices = append(s.notices, verdict.Notice{
				Number: int64(len(s.notices)) + 1, Endpoint: name, Transaction: t.ID, Version: 1, Due: t.SettledAt, SettledAt: t.SettledAt,
			})
		}
	}
	s.endpoints[name] = e
	return len(passed), nil
}

// ClaimNotices implements verdict.Store.
func (s *Store) ClaimNotices(ctx context.Context, name string, now time.Time, limit int) ([]verdict.Notice, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("claim due notices: %w", err)
	}
	defer s.leave()
	if s.endpoints[name].closedUntil.After(now) {
		return nil, nil
	}
	due := s.notice(func(n verdict.Notice) bool { return n.Endpoint == name && !n.Due.IsZero() && !n.Due.After(now) })
	slices.SortStableFunc(due, func(a, b verdict.Notice) int { return a.Due.Compare(b.Due) })
	due = due[:min(len(due), max(limit, 0))]
	slices.SortFunc(due, func(a, b verdict.Notice) int { return cmp.Compare(a.Number, b.Number) })
	for i := range due {
		due[i].Due = plain(now.Add(verdict.NoticeLease))
		s.notices[due[i].Number-1] = due[i]
	}
	return due, nil
}

// ReplaceNotice implements verdict.Store.
func (s *Store) ReplaceNotice(ctx context.Context, next verdict.Notice) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("replace notice: %w", err)
	}
	defer s.leave()
	if next.Number < 1 || next.Number > int64(len(s.notices)) || s.notices[next.Number-1].Version != next.Version-1 {
		return fmt.Errorf("replace notice: %w", verdict.ErrStale)
	}
	n := &s.notices[next.Number-1]
	n.Version, n.Attempts, n.Due, n.TriedAt, n.Result, n.ToldAt =
		next.Version, next.Attempts, plain(next.Due), plain(next.TriedAt), next.Result, plain(next.ToldAt)
	return nil
}

// NoticesOf implements verdict.Store.
func (s *Store) NoticesOf(ctx context.Context, transaction string) ([]verdict.Notice, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	defer s.leave()
	found := s.notice(func(n verdict.Notice) bool { return n.Transaction == transaction })
	slices.SortFunc(found, func(a, b verdict.Notice) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	return found, nil
}

// Notices implements verdict.Store.
func (s *Store) Notices(ctx context.Context, name string, state verdict.NoticeState, after int64, limit int) ([]verdict.Notice, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read notices: %w", err)
	}
	defer s.leave()
	found := s.notice(func(n verdict.Notice) bool {
		return n.State() == state && n.Number > after && (name == "" || n.Endpoint == name)
	})
	return found[:min(len(found), max(limit, 0))], nil
}

// notice returns the notices that fulfil the condition, in the order of their numbers.
func (s *Store) notice(is func(verdict.Notice) bool) []verdict.Notice {
	var found []verdict.Notice
	for _, n := range s.notices {
		if is(n) {
			found = append(found, n)
		}
	}
	return found
}

// CloseEndpoint implements verdict.Store.
func (s *Store) CloseEndpoint(ctx context.Context, name string, until time.Time, reason string) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("close an endpoint: %w", err)
	}
	defer s.leave()
	if e, known := s.endpoints[name]; known && e.closedUntil.Before(until) {
		e.closedUntil, e.reason = plain(until), reason
		s.endpoints[name] = e
	}
	return nil
}

// OpenEndpoint implements verdict.Store.
func (s *Store) OpenEndpoint(ctx context.Context, name string) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("open an endpoint: %w", err)
	}
	defer s.leave()
	e, known := s.endpoints[name]
	if !known {
		return fmt.Errorf("open an endpoint: %w", verdict.ErrNotFound)
	}
	s.endpoints[name] = endpoint{position: e.position}
	return nil
}

// DropEndpoint implements verdict.Store.
func (s *Store) DropEndpoint(ctx context.Context, name string, limit int) (int, error) {
	if err := s.enter(ctx); err != nil {
		return 0, fmt.Errorf("drop an endpoint: %w", err)
	}
	defer s.leave()
	if _, known := s.endpoints[name]; !known {
		return 0, fmt.Errorf("drop an endpoint: %w", verdict.ErrNotFound)
	}
	untold := s.notice(func(n verdict.Notice) bool { return n.Endpoint == name && n.State() != verdict.NoticeTold })
	if len(untold) < limit {
		delete(s.endpoints, name)
	}
	untold = untold[:min(len(untold), max(limit, 0))]
	for _, n := range untold {
		s.notices[n.Number-1] = verdict.Notice{} // of no endpoint; the numbers of the others stay
	}
	return len(untold), nil
}

// Endpoints implements verdict.Store.
func (s *Store) Endpoints(ctx context.Context) ([]verdict.Endpoint, error) {
	if err := s.enter(ctx); err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	defer s.leave()
	var found []verdict.Endpoint
	for _, name := range slices.Sorted(maps.Keys(s.endpoints)) {
		e := s.endpoints[name]
		told := verdict.Endpoint{Name: name, ClosedUntil: e.closedUntil, Reason: e.reason}
		for _, n := range s.notices {
			switch {
			case n.Endpoint != name:
			case n.State() == verdict.NoticeGivenUp:
				told.GivenUp++
			case n.State() == verdict.NoticePending:
				told.Pending++
				if told.Oldest.IsZero() || n.SettledAt.Before(told.Oldest) {
					told.Oldest = n.SettledAt
				}
			}
		}
		found = append(found, told)
	}
	return found, nil
}
