package load

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnOpenLoopCountsFromWhenCallsWereDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		s := Schedule{Rate: 10, Events: 100, Sleep: time.Sleep}
		seen := s.Open(t.Context(), time.Now(), func(event int) error {
			time.Sleep(20 * time.Millisecond)
			if event%4 == 0 {
				return refused
			}
			return nil
		})
		if q := seen.Latency.Quantiles(); q.Count != 100 || q.P50.Round(time.Millisecond) != 20*time.Millisecond {
			t.Errorf("%+v", q)
		}
		if seen.Begun != 100 || seen.Done != 75 || seen.Failed != 25 || seen.Err != refused || seen.Cut || seen.Late.Quantiles().Max > time.Millisecond {
			t.Errorf("%+v", seen)
		}
	})
}

// A server that doesn't answer isn't sent calls without end.
func TestAnOpenLoopGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := Schedule{Rate: 200, Events: 10_000, Sleep: time.Sleep}
		seen := s.Open(t.Context(), time.Now(), func(int) error {
			time.Sleep(time.Minute)
			return nil
		})
		if !seen.Cut || seen.Begun < 200 || seen.Begun > 203 {
			t.Errorf("%+v", seen)
		}
	})
}
