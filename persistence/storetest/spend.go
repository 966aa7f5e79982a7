package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
)

var spending = []promise{
	{"a name is spent once", spentOnce},
	{"of concurrent spenders of a name one is first", oneSpends},
	{"a context that has ended spends nothing", endedSpends},
}

// passing are promises of what comes with time. They run in bubbles, where it passes at once.
var passing = []promise{
	{"from its time on a name is spent by nobody", spentTooLate},
}

// spend checks whether a name is spent for the first time.
func spend(t *testing.T, s verdict.Store, name string, until time.Time, want bool) {
	t.Helper()
	if first, err := s.Spend(t.Context(), name, until); err != nil || first != want {
		t.Errorf("spend %q: first %v, error %v, want %v", name, first, err, want)
	}
}

func spentOnce(t *testing.T, s verdict.Store) {
	until := abroad(time.Now().Add(time.Hour))
	names := []string{"a", "A", "a ", "é", "e\u0301", "\xff", "a\x00", "a\x00b", "", "'; --", "1", "1.0"}
	for _, name := range names {
		spend(t, s, name, until, true)
	}
	for _, name := range names {
		spend(t, s, name, until, false)
		spend(t, s, name, until.Add(time.Hour), false)
	}
	if last := lastEventID(t, s); last != 0 {
		t.Errorf("the last event id is %d, but no transaction has changed", last)
	}
}

func oneSpends(t *testing.T, s verdict.Store) {
	const names, spenders = 20, 8
	until := time.Now().Add(time.Hour)
	var firsts [names]atomic.Int64
	together(spenders, func(int) {
		for n := range names {
			first, err := s.Spend(t.Context(), fmt.Sprint("name ", n), until)
			is(t, "spend", err, nil)
			if first {
				firsts[n].Add(1)
			}
		}
	})
	for n := range firsts {
		if got := firsts[n].Load(); got != 1 {
			t.Errorf("%d were the first to spend name %d", got, n)
		}
	}
}

func endedSpends(t *testing.T, s verdict.Store) {
	ctx, until := ended(t), time.Now().Add(time.Hour)
	first, err := s.Spend(ctx, "name", until)
	is(t, "spend", err, ctx.Err())
	equal(t, "first", first, nil, false)
	spend(t, s, "name", until, true)
}

func spentTooLate(t *testing.T, s verdict.Store) {
	until := time.Now().Add(30 * time.Second)
	spend(t, s, "name", until, true)
	time.Sleep(30*time.Second - time.Nanosecond)
	spend(t, s, "name", until, false)
	spend(t, s, "just in time", until, true)
	time.Sleep(time.Nanosecond)
	for range 2 {
		for _, name := range []string{"name", "just in time", "too late"} {
			spend(t, s, name, until, false)
		}
		for n := range 3 { // whatever is forgotten with it
			spend(t, s, fmt.Sprint(time.Now(), n), time.Now().Add(time.Second), true)
		}
		time.Sleep(time.Hour)
	}
	spend(t, s, "name", time.Time{}, false)
}
