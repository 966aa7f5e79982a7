package load

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestEventsAreDueAtAConstantRate(t *testing.T) {
	s := Schedule{Rate: 200, Events: 3}
	for event, want := range []time.Duration{0, 5 * time.Millisecond, 10 * time.Millisecond, 15 * time.Millisecond} {
		if got := s.At(event); got != want {
			t.Errorf("event %d is due at %s, want %s", event, got, want)
		}
	}
	if s.Length() != 15*time.Millisecond {
		t.Errorf("it takes %s", s.Length())
	}
	third := Schedule{Rate: 3}
	if got := third.At(3_000_000); got != 1_000_000*time.Second {
		t.Errorf("after a million seconds it is off: %s", got)
	}
}

// A server that stalls doesn't slow the events down: that is what makes the loop open.
func TestEventsComeWhenDueHoweverLongTheyTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Schedule{Rate: 10, Events: 4, Sleep: time.Sleep}
		start := time.Now().Add(time.Second)
		var mu sync.Mutex
		began := make([]time.Duration, s.Events)
		late := s.Run(t.Context(), start, func(event int) {
			mu.Lock()
			began[event] = time.Since(start)
			mu.Unlock()
			time.Sleep(time.Hour)
		})
		if want := []time.Duration{0, 100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}; !slices.Equal(began, want) {
			t.Errorf("they began at %v, want %v", began, want)
		}
		if want := make([]time.Duration, 4); !slices.Equal(late, want) {
			t.Errorf("they were late by %v", late)
		}
		if took := time.Since(start); took != time.Hour+300*time.Millisecond {
			t.Errorf("it returned after %s, without waiting for the last", took)
		}
	})
}

// A sender that is late says so, and sends what is overdue at once instead of moving the rest.
func TestLatenessOfTheSenderIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slept := false
		s := Schedule{Rate: 10, Events: 4, Sleep: func(d time.Duration) {
			time.Sleep(d)
			if !slept {
				time.Sleep(150 * time.Millisecond)
			}
			slept = true
		}}
		late := s.Run(t.Context(), time.Now(), func(int) {})
		if want := []time.Duration{150 * time.Millisecond, 50 * time.Millisecond, 0, 0}; !slices.Equal(late, want) {
			t.Errorf("they were late by %v, want %v", late, want)
		}
	})
}

func TestARunEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		late := Schedule{Rate: 10, Events: 1000, Sleep: time.Sleep}.Run(ctx, time.Now(), func(int) {})
		if len(late) != 3 {
			t.Errorf("%d events were begun, want 3", len(late))
		}
	})
}

func TestNanosleepSleeps(t *testing.T) {
	began := time.Now()
	nanosleep(-time.Second)
	nanosleep(5 * time.Millisecond)
	if took := time.Since(began); took < 5*time.Millisecond {
		t.Errorf("it slept %s", took)
	}
}

func TestEachThousandClientsHaveASource(t *testing.T) {
	for client, want := range map[int]string{0: "127.0.0.2", 999: "127.0.0.2", 1000: "127.0.0.3", 250_000: "127.0.1.2"} {
		if got := Source(client).String(); got != want {
			t.Errorf("client %d connects from %s, want %s", client, got, want)
		}
	}
}
