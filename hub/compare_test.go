package hub

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"verdict"
)

// run starts Run in the bubble and stops it, waiting, when the test ends.
func run(t *testing.T, h *Hub) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestTheRecordBringsWhatTheStreamLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := &record{}, &ear{}
		r.settle(ama) // before the hub's time
		h := newHub(r)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
		run(t, h)
		synctest.Wait()
		r.settle(ama) // lost
		h.Deliver(r.settle(ama))
		r.settle(kofi)
		r.settle(ama) // lost
		time.Sleep(compareEvery)
		synctest.Wait()
		if got := e.ids(); !slices.Equal(got, []int64{3, 2, 5}) {
			t.Fatalf("heard %v, want 3 at once and then 2 and 5 from the record", got)
		}
		for id := range int64(5) { // the stream brings everything once more, late
			h.Deliver(verdict.Event{ID: id + 1, Tenant: "shop", Owner: "ama", Transaction: "t"})
		}
		time.Sleep(3 * compareEvery)
		synctest.Wait()
		if got := e.ids(); len(got) != 3 {
			t.Fatalf("heard %v, want nothing twice", got)
		}
	})
}

func TestWhatSettlesBetweenStartAndTheFirstReadIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := &record{}, &ear{}
		r.settle(ama)
		h := newHub(r)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
		r.settle(ama)
		run(t, h)
		synctest.Wait()
		if got := e.ids(); !slices.Equal(got, []int64{2}) {
			t.Fatalf("heard %v, want 2 and not what was there before", got)
		}
	})
}

func TestStartingAgainDoesNotSkip(t *testing.T) {
	r, e := &record{}, &ear{}
	h := newHub(r)
	defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
	for range 2 {
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.settle(ama)
	}
	if err := h.compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := e.ids(); !slices.Equal(got, []int64{1, 2}) {
		t.Fatalf("heard %v, want 1 and 2", got)
	}
}

func TestRunStartsAHubThatWasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := &record{away: true}, &ear{}
		r.settle(ama)
		h := newHub(r)
		defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
		run(t, h)
		synctest.Wait()
		r.setAway(false)
		time.Sleep(compareEvery)
		synctest.Wait()
		r.settle(ama)
		time.Sleep(compareEvery)
		synctest.Wait()
		if got := e.ids(); !slices.Equal(got, []int64{2}) {
			t.Fatalf("heard %v, want 2", got)
		}
	})
}

func TestABacklogLongerThanABatchIsToldAtOnce(t *testing.T) {
	r, e := &record{}, &ear{}
	h := newHub(r)
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
	for range 3 * compareBatch {
		r.settle(ama)
	}
	if err := h.compare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(e.ids()); n != 3*compareBatch {
		t.Fatalf("heard %d, want %d", n, 3*compareBatch)
	}
}

func TestWhileTheDatabaseIsAwayMemoryIsBoundedAndNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = maxTold + 1000
		r := &record{}
		h := newHub(r)
		if err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		heard := map[int64]int{}
		defer h.Subscribe(verdict.Topic{Audience: ama}, func(e verdict.Event) { heard[e.ID]++ })()
		r.setAway(true)
		run(t, h)
		for range events {
			h.Deliver(r.settle(ama))
		}
		time.Sleep(compareEvery)
		synctest.Wait()
		if len(heard) != maxTold || len(h.told) != maxTold {
			t.Fatalf("heard %d and remembers %d, want %d", len(heard), len(h.told), maxTold)
		}
		r.setAway(false)
		time.Sleep(compareEvery)
		synctest.Wait()
		for id := int64(1); id <= events; id++ {
			if heard[id] != 1 {
				t.Fatalf("event %d was told %d times", id, heard[id])
			}
		}
		if len(h.told) != 0 {
			t.Fatalf("remembers %d events below the cursor", len(h.told))
		}
	})
}

// A read has a deadline, so a database that hangs delays a comparison and doesn't end them.
func TestAReadThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(hanging{}, nil, newHub(nil).log)
		begin := time.Now()
		if err := h.compare(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("compare: %v", err)
		}
		if took := time.Since(begin); took != readTimeout {
			t.Fatalf("gave up after %s, want %s", took, readTimeout)
		}
	})
}

type hanging struct{ Record }

func (hanging) LastEventID(ctx context.Context) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// Whatever the stream loses, repeats and reorders, whenever the database is away: each event is told once, to its
// audience only, and nothing is remembered for ever.
func TestEachEventIsToldOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, e, stranger := &record{}, &ear{}, &ear{}
		before := rapid.IntRange(0, 3).Draw(t, "before")
		for range before {
			r.settle(ama)
		}
		h := newHub(r)
		if err := h.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
		defer h.Subscribe(verdict.Topic{Audience: kofi}, stranger.deliver)()
		var sent []verdict.Event
		t.Repeat(map[string]func(*rapid.T){
			"settle": func(*rapid.T) { sent = append(sent, r.settle(ama)) },
			"deliver": func(t *rapid.T) {
				if len(sent) > 0 {
					h.Deliver(rapid.SampledFrom(sent).Draw(t, "event"))
				}
			},
			"compare": func(*rapid.T) { _ = h.compare(context.Background()) },
			"away":    func(t *rapid.T) { r.setAway(rapid.Bool().Draw(t, "away")) },
			"": func(t *rapid.T) {
				got := slices.Sorted(slices.Values(e.ids()))
				if len(slices.Compact(got)) != len(e.ids()) {
					t.Fatalf("heard twice: %v", e.ids())
				}
			},
		})
		r.setAway(false)
		if err := h.compare(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := e.ids(); len(got) != len(sent) || slices.Contains(got, int64(before)) {
			t.Fatalf("heard %v of %d events since %d", got, len(sent), before)
		}
		if len(stranger.ids()) != 0 || len(h.told) != 0 {
			t.Fatalf("a stranger heard %v; %d remembered", stranger.ids(), len(h.told))
		}
	})
}
