package verdict

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// perMinute is a budget of so many checks a minute, evenly spaced.
func perMinute(n int) Budget { return Budget{Limit: n, Window: time.Minute, Burst: 1} }

func drawBudget(t *rapid.T) Budget {
	b := Budget{Limit: rapid.IntRange(1, 20).Draw(t, "limit")}
	longest := rapid.SampledFrom([]time.Duration{2 * time.Second, time.Minute, time.Hour}).Draw(t, "longest window")
	b.Window = time.Duration(rapid.Int64Range(int64(time.Second), int64(longest)).Draw(t, "window"))
	b.Burst = rapid.IntRange(1, b.Limit).Draw(t, "burst")
	return b
}

// drawPause is a time between calls: none, some turns of the budget, or about a window.
func drawPause(t *rapid.T, b Budget) time.Duration {
	longest := rapid.SampledFrom([]time.Duration{0, 3 * b.Interval(), b.Window + b.Window/5}).Draw(t, "longest pause")
	return time.Duration(rapid.Int64Range(0, int64(longest)).Draw(t, "pause"))
}

// drawFrom is a moment between two.
func drawFrom(t *rapid.T, from, to time.Time, label string) time.Time {
	return from.Add(time.Duration(rapid.Int64Range(0, int64(to.Sub(from))).Draw(t, label)))
}

// TestChecksKeepToTheBudgetInEveryWindow: instances whose clocks differ ask when they like, and leave late or early.
func TestChecksKeepToTheBudgetInEveryWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBudget(t)
		var pace Pace
		var left []time.Time
		now := start
		for range rapid.IntRange(1, 100).Draw(t, "requests") {
			now = now.Add(drawPause(t, b))
			next, turn, err := pace.Take(b, drawFrom(t, now.Add(-time.Second), now, "clock"))
			var paced *PacedError
			if errors.As(err, &paced) {
				if rapid.Bool().Draw(t, "wait for it") {
					now = later(now, paced.Until)
				}
				continue
			}
			pace, left = next, append(left, drawFrom(t, turn.At, turn.By, "leaves"))
		}
		if n := over(left, b); n > 0 {
			t.Fatalf("%d windows of %s hold more than %d of the checks at %s", n, b.Window, b.Limit, left)
		}
	})
}

func TestABurstIsPossibleAfterAnIdleWindow(t *testing.T) {
	b := Budget{Limit: 10, Window: time.Minute, Burst: 4}
	var pace Pace
	for _, now := range []time.Time{start, after(2 * time.Minute)} {
		for n := range b.Burst {
			next, turn, err := pace.Take(b, now)
			if err != nil || !turn.At.Equal(now) {
				t.Errorf("check %d of the burst: at %s, %v", n+1, turn.At, err)
			}
			pace = next
		}
		_, _, err := pace.Take(b, now)
		var paced *PacedError
		if !errors.As(err, &paced) || !paced.Until.Equal(now.Add(b.Interval())) {
			t.Errorf("after the burst: %v, want a turn after %s", err, b.Interval())
		}
	}
}

// TestHardlyATurnIsWasted: who always waits for the next turn makes about as many checks as a window may hold.
func TestHardlyATurnIsWasted(t *testing.T) {
	for _, b := range []Budget{perMinute(1), perMinute(30), {100, 10 * time.Second, 1}, {300, time.Hour, 1}, {10, time.Second, 1}} {
		var pace Pace
		now, turns, end := start, 0, after(20*b.Window)
		for now.Before(end) {
			next, turn, err := pace.Take(b, now)
			var paced *PacedError
			if errors.As(err, &paced) {
				now = paced.Until
				continue
			}
			pace, now, turns = next, turn.At, turns+1
		}
		least := 0.99 * float64(b.Window) / float64(b.Window+maxLateness) // what lateness takes is the price of exactness
		if share := float64(turns) / float64(20*b.Limit); share < least {
			t.Errorf("%d in %s: %.3f of what is allowed", b.Limit, b.Window, share)
		}
	}
}

func TestTheZeroBudgetHasNoLimit(t *testing.T) {
	var pace Pace
	for range 1000 {
		next, turn, err := pace.Take(Budget{}, start)
		if err != nil || !turn.At.Equal(start) || turn.By.Sub(turn.At) != time.Second {
			t.Fatalf("a turn from %s to %s, %v; want one now, and a second to leave", turn.At, turn.By, err)
		}
		pace = next
	}
	if n := pace.Turns(Budget{}, start, start); n < 1000 {
		t.Errorf("%d more turns", n)
	}
}

func TestABudgetThatCannotBeKeptToIsRefusedWithTheMend(t *testing.T) {
	for _, test := range []struct {
		b    Budget
		mend string // empty: there is nothing to mend
	}{
		{Budget{30, time.Minute, 1}, ""},
		{Budget{30, time.Minute, 30}, ""},
		{Budget{1, time.Second, 1}, ""},
		{Budget{1, 24 * time.Hour, 1}, ""},
		{Budget{}, "give at least one check in 1s to 24h0m0s, such as 30/1m"},
		{Budget{0, time.Minute, 1}, "give at least one check"},
		{Budget{30, time.Second - 1, 1}, "give at least one check in 1s"},
		{Budget{30, 24*time.Hour + 1, 1}, "to 24h0m0s"},
		{Budget{30, time.Minute, 0}, "give 1 to 30"},
		{Budget{30, time.Minute, 31}, "give 1 to 30"},
	} {
		err := test.b.Validate()
		if (err == nil) != (test.mend == "") || err != nil && !strings.Contains(err.Error(), test.mend) {
			t.Errorf("%+v: %v, want %q", test.b, err, test.mend)
		}
	}
}

func TestABudgetIsReadAsChecksInATime(t *testing.T) {
	for text, want := range map[string]Budget{
		"30/1m":   {30, time.Minute, 1},
		"1/1h30m": {1, 90 * time.Minute, 1},
	} {
		if got, err := ParseBudget(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "30", "/", "30/", "/1m", "1m/30", "30/1m/1", "30/60", "a/1m"} {
		if got, err := ParseBudget(text); err == nil || !strings.Contains(err.Error(), "give checks/time, such as 30/1m") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestAsManyTurnsAsToldCanBeTaken: the sweeper hands out as many checks as it is told that have their turns.
func TestAsManyTurnsAsToldCanBeTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBudget(t)
		var pace Pace
		now := start
		for range rapid.IntRange(0, 30).Draw(t, "checks before") {
			now = now.Add(drawPause(t, b))
			pace, _, _ = pace.Take(b, now)
			if rapid.IntRange(0, 9).Draw(t, "refused") == 0 {
				e := rapid.SampledFrom([]Evidence{refusal(now, b.Interval()/2), refusedSubmit(now, b.Interval()/2)}).Draw(t, "refusal")
				pace = pace.After(e)
			}
		}
		until := drawFrom(t, now, now.Add(Ahead), "until")
		told, taken := pace.Turns(b, now, until), 0
		for {
			next, turn, err := pace.Take(b, now)
			if err != nil || turn.At.After(until) {
				break
			}
			pace, taken = next, taken+1
		}
		if told != taken {
			t.Fatalf("told of %d turns, could take %d", told, taken)
		}
	})
}

func TestWhatHappenedLatelyIsCountedAcrossSilences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Recent
		var all []time.Time
		now := start
		for range rapid.IntRange(0, 60).Draw(t, "happenings") {
			longest := rapid.SampledFrom([]time.Duration{0, 10 * time.Second, 10 * time.Minute, time.Hour, 5 * time.Hour}).Draw(t, "longest silence")
			now = drawFrom(t, now, now.Add(longest), "at")
			r, all = r.add(now), append(all, now)
		}
		until := drawFrom(t, now, now.Add(2*time.Hour), "until")
		while := time.Duration(rapid.Int64Range(0, int64(maxRecent)).Draw(t, "while"))
		minute := until.Add(-while).Truncate(time.Minute)
		var least, most float64 // without and with what happened in the minute of which only a part counts
		for _, at := range all {
			if !at.Before(minute) {
				most++
			}
			if !at.Before(minute.Add(time.Minute)) {
				least++
			}
		}
		if got := r.within(while, until); got < least-1e-6 || got > most+1e-6 {
			t.Fatalf("%g in %s before %s, want %g to %g", got, while, until, least, most)
		}
	})
}

func TestAMinuteOfWhichAPartLiesInTheTimeCountsForThatPart(t *testing.T) {
	var r Recent
	minute := start.Truncate(time.Minute)
	for range 10 {
		r = r.add(minute.Add(time.Second))
	}
	r = r.add(minute.Add(61 * time.Second))
	if got := r.within(time.Minute, minute.Add(90*time.Second)); got != 6 {
		t.Errorf("%g, want half of 10 and the one since", got)
	}
}
