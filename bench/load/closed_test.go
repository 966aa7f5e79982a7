package load

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Three clients, each of whose calls takes 100 ms, make thirty calls a second. Those of the warm-up don't count.
func TestAClosedLoopCountsWhatEndsWhileItCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		marks := 0
		seen := Closed{Clients: 3, Warm: time.Second + 50*time.Millisecond, For: 10 * time.Second}.Run(t.Context(), func() error {
			time.Sleep(100 * time.Millisecond)
			return nil
		}, func() { marks++ })
		if seen.Done != 300 || seen.Failed != 0 || seen.Rate() != 30 || marks != 2 {
			t.Errorf("%+v, %g/s, %d marks", seen, seen.Rate(), marks)
		}
	})
}

func TestAClosedLoopTellsWhatFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("refused")
		seen := Closed{Clients: 1, Warm: 50 * time.Millisecond, For: time.Second}.Run(t.Context(), func() error {
			time.Sleep(100 * time.Millisecond)
			return refused
		}, nil)
		if seen.Done != 0 || seen.Failed != 10 || seen.Err != refused {
			t.Errorf("%+v", seen)
		}
	})
}

func TestAClosedLoopEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		Closed{Clients: 2, For: time.Hour}.Run(ctx, func() error { time.Sleep(time.Millisecond); return nil }, nil)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it ended after %s", took)
		}
	})
}
