package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"verdict"
)

// errBroken: the store failed and nothing was stored.
var errBroken = errors.New("the disk is away")

// simStore is a store that is slow, breaks, and leaves its caller in doubt, as the seed has it. All the time an operation
// takes passes before it: what it returns is the record as it stands.
type simStore struct {
	*life
	verdict.Store
}

// begin takes an operation's time and returns its fault: nil, an error before it, or ErrUncertain after it.
func (s *simStore) begin(ctx context.Context, operation string) (after error, err error) {
	if err := s.gone(ctx); err != nil {
		return nil, err
	}
	if from, ok := ctx.Value(http.LocalAddrContextKey).(connectionName); ok {
		operation = string(from) + " " + operation // of two requests at the same moment
	}
	r := s.draw(operation)
	d, fault := between(r, 100*time.Microsecond, 3*time.Millisecond), r.IntN(100)
	if s.u.chaos.Load() && fault < 3 {
		d = between(r, 500*time.Millisecond, 7*time.Second)
		s.u.happened.hit("store: slow")
	}
	if err := s.reach(ctx, d); err != nil {
		return nil, err
	}
	switch {
	case !s.u.chaos.Load():
	case fault == 3 || fault == 4:
		s.u.note("fault", "%s %s: nothing stored", s.name, operation)
		s.u.happened.hit("store: an error with nothing stored")
		return nil, errBroken
	case fault == 5 || fault == 6:
		return fmt.Errorf("commit: %w", verdict.ErrUncertain), nil
	}
	return nil, nil
}

func (s *simStore) read(ctx context.Context, operation string) error {
	_, err := s.begin(ctx, operation)
	return err
}

// write carries out a change between two points at which the instance may die.
func (s *simStore) write(ctx context.Context, point, operation, subject string, do func() error) error {
	after, err := s.begin(ctx, operation+" "+subject)
	if err != nil {
		return err
	}
	if point != "" {
		if err := s.point("before "+point, subject); err != nil {
			return err
		}
	}
	if err := do(); err != nil {
		return err
	}
	if point != "" {
		if err := s.point("after "+point, subject); err != nil {
			return err
		}
	}
	if after != nil {
		s.u.note("fault", "%s %s %s: stored, and said to be uncertain", s.name, operation, subject)
		s.u.happened.hit("store: an error although it was stored")
	}
	if s.isDead() {
		return errDead
	}
	return after
}

func (s *simStore) Create(ctx context.Context, t verdict.Transaction) (stored verdict.Transaction, created bool, err error) {
	err = s.write(ctx, "the commit of a create", "create", t.Key, func() (err error) {
		t.ID = s.u.newID(t.Key) // the gateway's own is random
		t.Reference = t.ID
		stored, created, err = s.Store.Create(ctx, t)
		if created {
			s.committed(stored, nil)
		}
		return err
	})
	return stored, created, err
}

func (s *simStore) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (stored verdict.Transaction, err error) {
	point := ""
	switch {
	case e == nil && next.Stage == verdict.StageSending && !next.Watched:
		point = "the marker"
	case e == nil:
	case e.Source == verdict.SourceReply:
		point = "the record of a reply"
	}
	err = s.write(ctx, point, "replace", fmt.Sprintf("%s v%d", next.ID, next.Version), func() (err error) {
		stored, err = s.Store.Replace(ctx, next, e)
		if err == nil {
			s.committed(stored, e)
		}
		return err
	})
	return stored, err
}

func (s *simStore) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (stored verdict.Transaction, turn verdict.Turn, err error) {
	err = s.write(ctx, "the claim of a check", "ask", fmt.Sprintf("%s v%d", next.ID, next.Version), func() (err error) {
		stored, turn, err = s.Store.Ask(ctx, next, b, now)
		if err == nil {
			s.u.note(s.name, "%s (%s) v%d claims its check", stored.ID, stored.Key, stored.Version)
			s.u.evidence.commit(commit{at: time.Now(), by: s.name, t: stored, asks: true})
		}
		return err
	})
	return stored, turn, err
}

// committed keeps a change in the log of commits.
func (s *simStore) committed(t verdict.Transaction, e *verdict.Evidence) {
	why := ""
	if e != nil {
		why = fmt.Sprintf("for %s %s %s", e.Source, e.Outcome, e.Reason)
	}
	s.u.note(s.name, "%s (%s) v%d is %s %s %s", t.ID, t.Key, t.Version, t.Status, t.Stage, why)
	s.u.evidence.commit(commit{at: time.Now(), by: s.name, t: t, evidence: e})
}

func (s *simStore) Record(ctx context.Context, id string, e verdict.Evidence) error {
	return s.write(ctx, "", "record", id+" "+string(e.Source), func() error {
		s.u.note(s.name, "%s: late %s %s, conflict %t", id, e.Source, e.Outcome, e.Conflict)
		return s.Store.Record(ctx, id, e)
	})
}

func (s *simStore) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	if err := s.read(ctx, "transaction "+id); err != nil {
		return verdict.Transaction{}, err
	}
	return s.Store.Transaction(ctx, id)
}

func (s *simStore) Find(ctx context.Context, scope verdict.Scope) (verdict.Transaction, error) {
	if err := s.read(ctx, "find "+scope.Key); err != nil {
		return verdict.Transaction{}, err
	}
	return s.Store.Find(ctx, scope)
}

func (s *simStore) ClaimDue(ctx context.Context, lane verdict.Lane, now time.Time, limit int) (due []verdict.Command, err error) {
	err = s.write(ctx, "", "claim", string(lane.Kind)+" "+lane.Provider, func() (err error) {
		due, err = s.Store.ClaimDue(ctx, lane, now, limit)
		for _, c := range due {
			s.u.note(s.name, "claims %s %s v%d", c.Kind, c.Transaction, c.Version)
		}
		return err
	})
	return due, err
}

func (s *simStore) Settled(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	if err := s.read(ctx, fmt.Sprintf("settled %v after %d", a, after)); err != nil {
		return nil, err
	}
	return s.Store.Settled(ctx, a, after, limit)
}

func (s *simStore) LastEventID(ctx context.Context) (int64, error) {
	if err := s.read(ctx, "last event"); err != nil {
		return 0, err
	}
	return s.Store.LastEventID(ctx)
}

func (s *simStore) Park(ctx context.Context, w verdict.Webhook) error {
	return s.write(ctx, "", "park", w.Transaction, func() error { return s.Store.Park(ctx, w) })
}

func (s *simStore) Parked(ctx context.Context, limit int) ([]verdict.Webhook, error) {
	if err := s.read(ctx, "parked"); err != nil {
		return nil, err
	}
	return s.Store.Parked(ctx, limit)
}

func (s *simStore) Unpark(ctx context.Context, w verdict.Webhook) error {
	return s.write(ctx, "", "unpark", w.Transaction, func() error { return s.Store.Unpark(ctx, w) })
}

func (s *simStore) ReleaseKeys(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.write(ctx, "", "release keys", "", func() (err error) {
		n, err = s.Store.ReleaseKeys(ctx, before, limit)
		return err
	})
	return n, err
}

func (s *simStore) Enlist(ctx context.Context, endpoint, tenant string, limit int) (passed int, err error) {
	err = s.write(ctx, "", "enlist", endpoint, func() (err error) {
		passed, err = s.Store.Enlist(ctx, endpoint, tenant, limit)
		return err
	})
	return passed, err
}

func (s *simStore) ClaimNotices(ctx context.Context, endpoint string, now time.Time, limit int) (claimed []verdict.Notice, err error) {
	err = s.write(ctx, "", "claim notices", endpoint, func() (err error) {
		claimed, err = s.Store.ClaimNotices(ctx, endpoint, now, limit)
		if len(claimed) > 0 {
			s.u.note(s.name, "claims %d notices for %s", len(claimed), endpoint)
			s.u.evidence.claim(noticeClaim{time.Now(), endpoint, s.name})
		}
		return err
	})
	return claimed, err
}

func (s *simStore) ReplaceNotice(ctx context.Context, next verdict.Notice) error {
	return s.write(ctx, "the record of a notice", "replace notice", next.Endpoint+" "+next.Transaction, func() error {
		err := s.Store.ReplaceNotice(ctx, next)
		s.u.note(s.name, "%s of %s is %s: %s, error %v", next.Endpoint, next.Transaction, next.State(), next.Result, err)
		return err
	})
}

func (s *simStore) CloseEndpoint(ctx context.Context, name string, until time.Time, reason string) error {
	return s.write(ctx, "", "close", name, func() error {
		err := s.Store.CloseEndpoint(ctx, name, until, reason)
		if err == nil && until.Equal(verdict.UntilOpened) {
			s.disabled(name)
		}
		return err
	})
}

func (s *simStore) disabled(endpoint string) {
	s.u.note(s.name, "disables %s", endpoint)
	s.u.evidence.door(door{time.Now(), endpoint, true})
}

func (s *simStore) NoticesOf(ctx context.Context, id string) ([]verdict.Notice, error) {
	if err := s.read(ctx, "notices of "+id); err != nil {
		return nil, err
	}
	return s.Store.NoticesOf(ctx, id)
}
