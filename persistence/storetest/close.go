package storetest

import (
	"errors"
	"testing"
	"time"

	"verdict"
)

var closing = []promise{
	{"calls after close fail", closedFails},
	{"close answers the calls under way", closeAnswers},
}

func closedFails(t *testing.T, s verdict.Store) {
	given := create(t, s, accepted("owner", 1, time.Now()))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"create":      func() error { _, _, err := s.Create(ctx, given); return err },
		"replace":     func() error { _, err := s.Replace(ctx, given.Send(policy(), time.Now()), nil); return err },
		"record":      func() error { return s.Record(ctx, given.ID, settledBy(time.Now())) },
		"transaction": func() error { _, err := s.Transaction(ctx, given.ID); return err },
		"find":        func() error { _, err := s.Find(ctx, given.Scope); return err },
		"history":     func() error { _, err := s.History(ctx, given.ID); return err },
		"claim due":   func() error { _, err := s.ClaimDue(ctx, submits, time.Now(), 1); return err },
		"ask": func() error {
			_, _, err := s.Ask(ctx, given.Ask(time.Now()), budget, time.Now())
			return err
		},
		"waiting":       func() error { _, err := s.Waiting(ctx); return err },
		"partner":       func() error { _, err := s.Partner(ctx, "partner"); return err },
		"learn":         func() error { return s.Learn(ctx, "partner", verdict.Learned{}) },
		"settled":       func() error { _, err := s.Settled(ctx, nil, 0, 1); return err },
		"deliver":       func() error { return s.Deliver(ctx, nil) },
		"unconfirmed":   func() error { _, err := s.Unconfirmed(ctx, given.Audience(), 0, 1, 1); return err },
		"spend":         func() error { _, err := s.Spend(ctx, "name", time.Now().Add(time.Hour)); return err },
		"last event id": func() error { _, err := s.LastEventID(ctx); return err },
		"park":          func() error { return s.Park(ctx, webhook(1, "{}")) },
		"parked":        func() error { _, err := s.Parked(ctx, 1); return err },
		"unpark":        func() error { return s.Unpark(ctx, webhook(1, "{}")) },
		"secret":        func() error { _, err := s.Secret(ctx); return err },
	} {
		err := call()
		if err == nil || errors.Is(err, verdict.ErrNotFound) || errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("%s after close: error %v", name, err)
		}
	}
}

// closeAnswers: whoever calls while the store closes is told what became of the call.
func closeAnswers(t *testing.T, s verdict.Store) {
	const callers = 16
	answered := make(chan error, callers)
	together(callers, func(i int) {
		if i == 0 {
			answered <- s.Close()
			return
		}
		_, created, err := s.Create(t.Context(), accepted("owner", i, time.Now()))
		if created == (err != nil) || errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("create while closing: created %v, error %v", created, err)
		}
		answered <- nil
	})
	for range callers {
		if err := <-answered; err != nil {
			t.Errorf("close: %v", err)
		}
	}
}
