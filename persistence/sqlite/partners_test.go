package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
)

// TestTurnsAreThoseOfAllProcesses: two stores on one file stand for two processes.
func TestTurnsAreThoseOfAllProcesses(t *testing.T) {
	const checks, turns = 40, 10
	path := newPath(t)
	stores := [2]*Store{openAt(t, path), openAt(t, path)}
	budget := verdict.Budget{Limit: turns, Window: time.Minute, Burst: turns}
	now := time.Now()
	var given atomic.Int64
	var asking sync.WaitGroup
	for n := range checks {
		state := create(t, stores[0], fmt.Sprint("check ", n))
		asking.Go(func() {
			_, _, err := stores[n%2].Ask(t.Context(), state.Ask(now), budget, now)
			if _, paced := errors.AsType[*verdict.PacedError](err); err != nil && !paced {
				t.Errorf("ask: %v", err)
			}
			if err == nil {
				given.Add(1)
			}
		})
	}
	asking.Wait()
	if n := given.Load(); n != turns {
		t.Errorf("%d checks had a turn, want %d", n, turns)
	}
}

func TestEvidenceThatLeavesThePaceWritesNothingOfIt(t *testing.T) {
	s := openAt(t, newPath(t))
	create(t, s, "one")
	partners := func() int {
		n, err := first(read(t.Context(), s, value[int], "SELECT count(*) FROM partners"))
		if err != nil {
			t.Error(err)
		}
		return n
	}
	for _, e := range []verdict.Evidence{
		{Source: verdict.SourceReply, Outcome: verdict.OutcomePending}, {Source: verdict.SourceCheck, Outcome: verdict.OutcomePending},
	} {
		if err := s.Record(t.Context(), "one", e); err != nil {
			t.Fatal(err)
		}
	}
	if n := partners(); n != 0 {
		t.Errorf("%d partners were written, want none", n)
	}
	refusal := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeUnknown, At: time.Now(), Wait: time.Minute}
	if err := s.Record(t.Context(), "one", refusal); err != nil || partners() != 1 {
		t.Errorf("%d partners were written after a refusal, error %v, want one", partners(), err)
	}
}
