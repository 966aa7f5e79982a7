package main

import (
	"context"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"verdict"
)

func TestAClockThatIsSetIsNoticedAndOneThatIsSlewedIsnt(t *testing.T) {
	for name, c := range map[string]struct {
		wall, elapsed, want time.Duration
	}{
		"it runs on":                     {15 * time.Second, 15 * time.Second, 0},
		"set forward":                    {75 * time.Second, 15 * time.Second, time.Minute},
		"set back":                       {-45 * time.Second, 15 * time.Second, -time.Minute},
		"set back by less than counts":   {14500 * time.Millisecond, 15 * time.Second, 0},
		"slewed for a day":               {24*time.Hour + 40*time.Second, 24 * time.Hour, 0},
		"the machine slept for an hour":  {time.Hour + time.Second, time.Second, time.Hour},
		"set back by what time has gone": {0, time.Hour, -time.Hour},
	} {
		began := time.Now()
		w := wallClock{began: began}
		if got := w.look(began.Round(0).Add(c.wall), c.elapsed); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if again := w.look(began.Round(0).Add(c.wall+time.Minute), c.elapsed+time.Minute); again != 0 {
			t.Errorf("%s: told a second time, as %s", name, again)
		}
	}
}

func TestAClockThatWasSetIsToldForAnHour(t *testing.T) {
	c := newClock(nil, slog.New(slog.DiscardHandler))
	if err := c.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.wall.drift = time.Minute // as if the last look had been before it was set back
	err := c.check(t.Context())
	if err == nil || !strings.Contains(err.Error(), "set 1m0s back") {
		t.Errorf("%v", err)
	}
	if n := testutil.ToFloat64(c.steps); n != 1 {
		t.Errorf("%g steps", n)
	}
	if err := c.even(time.Now().Add(stepTold - time.Minute)); err == nil {
		t.Error("it is forgotten")
	}
	if err := c.even(time.Now().Add(stepTold)); err != nil {
		t.Error(err)
	}
}

// elsewhere is a store on a machine whose clock is another.
type elsewhere struct {
	verdict.Store
	ahead, takes time.Duration
}

func (e elsewhere) Now(context.Context) (time.Time, error) {
	time.Sleep(e.takes)
	return time.Now().Add(e.ahead - e.takes/2), nil
}

func TestTheRecordsClockIsHeldAgainstOurs(t *testing.T) {
	synctest.Test(t, theRecordsClockIsHeldAgainstOurs)
}

func theRecordsClockIsHeldAgainstOurs(t *testing.T) {
	for name, c := range map[string]struct {
		store elsewhere
		says  string
	}{
		"the same":          {elsewhere{ahead: 300 * time.Millisecond}, ""},
		"ahead":             {elsewhere{ahead: 3 * time.Second}, "behind that of the record's machine"},
		"behind":            {elsewhere{ahead: -3 * time.Second}, "ahead of that of the record's machine"},
		"who knows, so far": {elsewhere{ahead: 1100 * time.Millisecond, takes: 400 * time.Millisecond}, ""},
	} {
		clock := newClock(c.store, slog.New(slog.DiscardHandler))
		err := clock.check(t.Context())
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if got := testutil.ToFloat64(clock.offset) + c.store.ahead.Seconds(); math.Abs(got) > 1e-6 {
			t.Errorf("%s: the offset is off by %gs", name, got)
		}
	}
}
