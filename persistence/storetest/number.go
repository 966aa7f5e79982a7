package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"verdict"
)

var numbering = []promise{
	{"event ids grow with every change and only with changes", eventIDsGrow},
	{"event ids are unique under concurrency", eventIDsAreUnique},
	{"settled transactions come in the order of their event ids", settledInOrder},
	{"nobody sees another audience's transactions", audiencesApart},
	{"a reader that follows event ids misses nothing", followerMissesNothing},
	{"event ids that are skipped are never given", skippedEventIDs},
}

func eventIDsGrow(t *testing.T, s verdict.Store) {
	if last := lastEventID(t, s); last != 0 {
		t.Errorf("before the first change the last event id is %d", last)
	}
	given := create(t, s, accepted("owner", 1, time.Now()))
	if given.EventID < 1 || lastEventID(t, s) != given.EventID {
		t.Errorf("the first change has event id %d, the last is %d", given.EventID, lastEventID(t, s))
	}
	next := replace(t, s, given.Send(policy(), time.Now()), nil)
	if next.EventID <= given.EventID || lastEventID(t, s) != next.EventID {
		t.Errorf("after %d came event id %d, the last is %d", given.EventID, next.EventID, lastEventID(t, s))
	}
	if err := s.Record(t.Context(), given.ID, settledBy(time.Now())); err != nil {
		t.Error(err)
	}
	if last := lastEventID(t, s); last != next.EventID {
		t.Errorf("evidence alone took the last event id from %d to %d", next.EventID, last)
	}
}

func eventIDsAreUnique(t *testing.T, s verdict.Store) {
	const owners, each = 8, 10
	var mu sync.Mutex
	var ids []int64
	together(owners, func(i int) {
		last := int64(0)
		for n := range each {
			given := create(t, s, accepted(string(rune('a'+i)), n, time.Now()))
			marked := replace(t, s, given.Send(policy(), time.Now()), nil)
			if given.EventID <= last || marked.EventID <= given.EventID {
				t.Errorf("event ids %d, %d, %d don't grow", last, given.EventID, marked.EventID)
			}
			last = marked.EventID
			mu.Lock()
			ids = append(ids, given.EventID, marked.EventID)
			mu.Unlock()
		}
	})
	slices.Sort(ids)
	if distinct := len(slices.Compact(slices.Clone(ids))); distinct != 2*owners*each {
		t.Errorf("%d changes have %d event ids", 2*owners*each, distinct)
	}
	if last := lastEventID(t, s); last != ids[len(ids)-1] {
		t.Errorf("the last event id is %d, want %d", last, ids[len(ids)-1])
	}
}

func settledInOrder(t *testing.T, s verdict.Store) {
	var pending, want []verdict.Transaction
	for n := range 5 {
		pending = append(pending, create(t, s, accepted("owner", n, time.Now())))
	}
	for _, n := range []int{3, 0, 4, 1} { // 2 stays pending
		e := settledBy(time.Now())
		want = append(want, replace(t, s, pending[n].Weigh(e, policy()), &e))
	}
	audience := pending[0].Audience()
	for _, a := range []*verdict.Audience{nil, &audience} {
		settledAre(t, s, a, 0, 100, want)
		settledAre(t, s, a, 0, 2, want[:2])
		settledAre(t, s, a, want[1].EventID, 100, want[2:])
		settledAre(t, s, a, want[1].EventID-1, 1, want[1:2])
		settledAre(t, s, a, want[3].EventID, 100, nil)
		settledAre(t, s, a, 0, 0, nil)
	}
}

func settledAre(t *testing.T, s verdict.Store, a *verdict.Audience, after int64, limit int, want []verdict.Transaction) {
	t.Helper()
	got, err := s.Settled(t.Context(), a, after, limit)
	if len(got) == 0 && len(want) == 0 {
		got, want = nil, nil
	}
	equal(t, "settled", got, err, want)
}

func audiencesApart(t *testing.T, s verdict.Store) {
	seen := map[verdict.Audience][]verdict.Transaction{}
	var all []verdict.Transaction
	for n, a := range []verdict.Audience{
		{Tenant: "a", Owner: "b"}, {Tenant: "a", Owner: "c"}, {Tenant: "b", Owner: "b"}, {Tenant: "a", Owner: ""}, {Tenant: "a", Owner: "b"},
	} {
		given := accepted("owner", n, time.Now())
		given.Tenant, given.Owner = a.Tenant, a.Owner
		settled := settle(t, s, given)
		seen[a] = append(seen[a], settled)
		all = append(all, settled)
	}
	for a, want := range seen {
		settledAre(t, s, &a, 0, 100, want)
	}
	settledAre(t, s, &verdict.Audience{Tenant: "nobody"}, 0, 100, nil)
	settledAre(t, s, nil, 0, 100, all)
}

func skippedEventIDs(t *testing.T, s verdict.Store) {
	restorable, ok := s.(verdict.Restorable)
	if !ok {
		t.Fatalf("%T is no verdict.Restorable", s)
	}
	first := settle(t, s, accepted("owner", 1, time.Now()))
	for _, count := range []int64{1, verdict.SkippedEventIDs} {
		before := lastEventID(t, s)
		if err := restorable.SkipEventIDs(t.Context(), count); err != nil {
			t.Fatal(err)
		}
		if last := lastEventID(t, s); last != before+count {
			t.Errorf("%d after %d were skipped from %d", last, count, before)
		}
		standsAs(t, s, first)
	}
	last := lastEventID(t, s)
	second := settle(t, s, accepted("owner", 2, time.Now()))
	if second.EventID != last+2 {
		t.Errorf("event id %d after %d", second.EventID, last)
	}
	settledAre(t, s, nil, 0, 10, []verdict.Transaction{first, second})
	is(t, "skip", restorable.SkipEventIDs(ended(t), 1), context.Canceled)
}

// followerMissesNothing: an event id that shows up later than a greater one would never be told to anybody.
func followerMissesNothing(t *testing.T, s verdict.Store) {
	const owners, each = 8, 10
	var settling sync.WaitGroup
	settling.Go(func() {
		together(owners, func(i int) {
			for n := range each {
				settle(t, s, accepted(string(rune('a'+i)), n, time.Now()))
			}
		})
	})
	told := map[string]bool{}
	deadline := time.Now().Add(time.Minute)
	for after := int64(0); len(told) < owners*each && time.Now().Before(deadline) && !t.Failed(); {
		found, err := s.Settled(t.Context(), nil, after, 3)
		if err != nil {
			t.Errorf("settled: %v", err)
		}
		for _, settled := range found {
			told[settled.ID] = true
			after = settled.EventID
		}
	}
	settling.Wait()
	if len(told) != owners*each {
		t.Errorf("told %d of %d verdicts", len(told), owners*each)
	}
}
