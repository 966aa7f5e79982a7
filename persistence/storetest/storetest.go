// Package storetest is the suite that every store passes. Each promise of verdict.Store has its test here.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// A promise is a test of one thing that verdict.Store promises, on a store that is new.
type promise struct {
	name string
	test func(t *testing.T, s verdict.Store)
}

// Run tests the stores that open returns. Each must be new and empty; Run closes it.
func Run(t *testing.T, open func(t *testing.T) verdict.Store) {
	for _, group := range [][]promise{
		creating, replacing, claiming, asking, knowing, numbering, delivering, notifying, spending, keeping, reviewing, forgetting, closing,
	} {
		for _, p := range group {
			t.Run(p.name, func(t *testing.T) { p.test(t, opened(t, open)) })
		}
	}
	for _, p := range passing {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { p.test(t, opened(t, open)) })
		})
	}
	t.Run("any sequence of calls does what the model does", func(t *testing.T) { compareWithModel(t, open) })
}

func opened(t *testing.T, open func(t *testing.T) verdict.Store) verdict.Store {
	t.Helper()
	s := open(t)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// policy is that of a partner that doesn't deduplicate and may settle by webhook.
func policy() verdict.Policy {
	return verdict.Policy{
		Traits:   verdict.Traits{WebhookSettles: true, NotFoundFinal: 150 * time.Second},
		Schedule: verdict.DefaultSchedule(),
	}
}

// accepted returns the n-th transaction of an owner, due to be sent at the time given.
func accepted(owner string, n int, due time.Time) verdict.Transaction {
	return verdict.Accept(fmt.Sprintf("%s-%d", owner, n), verdict.Request{
		Scope:    verdict.Scope{Tenant: "tenant", Owner: owner, Operation: "transfer", Key: fmt.Sprint("key ", n)},
		Provider: "partner",
		Payload:  fmt.Appendf(nil, `{"amount": %d}`, n),
	}, [32]byte{byte(n), byte(n >> 8)}, due)
}

// settledBy is evidence that settles a pending transaction.
func settledBy(at time.Time) verdict.Evidence {
	return verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: at}
}

// create stores a new transaction. Like replace it may be called from any goroutine.
func create(t *testing.T, s verdict.Store, given verdict.Transaction) verdict.Transaction {
	t.Helper()
	stored, created, err := s.Create(t.Context(), given)
	if err != nil || !created {
		t.Errorf("create %s: created %v, error %v", given.ID, created, err)
	}
	return stored
}

// replace returns what will be read back.
func replace(t *testing.T, s verdict.Store, next verdict.Transaction, e *verdict.Evidence) verdict.Transaction {
	t.Helper()
	stored, err := s.Replace(t.Context(), next, e)
	if err != nil {
		t.Errorf("replace %s: %v", next.ID, err)
	}
	stored.Follows = 0
	return stored
}

// settle creates a transaction and gives it its verdict.
func settle(t *testing.T, s verdict.Store, given verdict.Transaction) verdict.Transaction {
	t.Helper()
	e := settledBy(time.Now())
	return replace(t, s, create(t, s, given).Weigh(e, policy()), &e)
}

// record adds evidence to a transaction.
func record(t *testing.T, s verdict.Store, id string, e verdict.Evidence) {
	t.Helper()
	if err := s.Record(t.Context(), id, e); err != nil {
		t.Errorf("record %s: %v", id, err)
	}
}

// standsAs checks that a transaction is read back just so, by its id and by its scope.
func standsAs(t *testing.T, s verdict.Store, want verdict.Transaction) {
	t.Helper()
	byID, err := s.Transaction(t.Context(), want.ID)
	equal(t, "transaction by id", byID, err, want)
	byScope, err := s.Find(t.Context(), want.Scope)
	equal(t, "transaction by scope", byScope, err, want)
}

// equal checks what a call returned, to the last byte and nanosecond.
func equal[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	} else if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// is checks that a call failed in the way it should.
func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// plain returns a time as a store returns it: in UTC, without the monotonic clock.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }

// abroad returns a time in a zone that isn't ours.
func abroad(t time.Time) time.Time { return t.In(time.FixedZone("", 3600)) }

// together runs n calls at once and waits for them.
func together(n int, call func(i int)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	wait.Wait()
}

// lastEventID returns the number of the last change.
func lastEventID(t *testing.T, s verdict.Store) int64 {
	t.Helper()
	last, err := s.LastEventID(t.Context())
	if err != nil {
		t.Fatalf("last event id: %v", err)
	}
	return last
}

// history returns a transaction's evidence.
func history(t *testing.T, s verdict.Store, id string) []verdict.Evidence {
	t.Helper()
	found, err := s.History(t.Context(), id)
	if err != nil {
		t.Fatalf("history of %s: %v", id, err)
	}
	return found
}

// ended returns a context that has ended.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
