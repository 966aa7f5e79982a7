package verdict

import "time"

// Asks is when a transaction is asked about for as long as its verdict isn't known, and what that is expected to come to.
type Asks struct {
	Checks   []PlannedCheck
	Expected Toll // with webhooks as they are expected
	Untold   Toll // of those that no webhook tells of
}

// PlannedCheck is a check at a time from sending.
type PlannedCheck struct {
	At    time.Duration
	Floor bool // it is made in any case
}

// Toll is how many checks a transaction takes, and how long the verdicts that stand by the last check stand before they
// are known.
type Toll struct {
	Checks float64
	Mean   time.Duration
	Half   time.Duration // half of them are known so soon
	Most   time.Duration // nine in ten are
}

// asks is when a plan asks, and what that comes to by the densities of verdicts and of webhooks.
func (p *Plan) asks(begins time.Duration, floor []time.Duration, settle, webhook []float64) Asks {
	never := make([]float64, len(webhook))
	never[beyond] = 1
	a := Asks{Checks: p.checks(begins, floor)}
	a.Expected, a.Untold = toll(a.Checks, settle, newSilence(webhook)), toll(a.Checks, settle, newSilence(never))
	return a
}

// checks is when a plan asks if its transaction's course begins at a time from sending, as Policy.next has it.
func (p *Plan) checks(begins time.Duration, floor []time.Duration) (list []PlannedCheck) {
	now, checked := begins, time.Duration(0)
	for _, at := range floor {
		for checked < at {
			checked = p.after(checked, now, at)
			now = checked
			list = append(list, PlannedCheck{checked, checked == at})
		}
	}
	return list
}

// wait is how long verdicts of some probability stand until the next check.
type wait struct {
	long   time.Duration
	chance float64
}

// toll is what checks come to if verdicts come by a density and silence goes on about them as told.
func toll(checks []PlannedCheck, settle []float64, silent silence) (t Toll) {
	var waits []wait
	var stand, seconds float64 // of the verdicts by now
	for _, c := range checks {
		for k := len(waits); k <= min(cellOf(c.At), cells-1); k++ {
			w := wait{max(c.At-cellMiddle(k), 0), settle[k]}
			chance, long := silent.after(w.long)
			t.Checks += w.chance * chance // the verdict is there, and nobody told
			seconds += w.chance * long
			stand += w.chance
			waits = append(waits, w)
		}
		t.Checks += 1 - stand // the verdict isn't there
	}
	if stand == 0 {
		return t
	}
	t.Mean = time.Duration(seconds / stand * float64(time.Second))
	t.Half, t.Most = knownBy(waits, silent, 0.5*stand), knownBy(waits, silent, 0.1*stand)
	return t
}

// knownBy is after how long no more than some part of the verdicts is still not known, to the millisecond.
func knownBy(waits []wait, silent silence, part float64) time.Duration {
	var low, high time.Duration
	for _, w := range waits {
		high = max(high, w.long)
	}
	for high-low > time.Millisecond {
		middle := (low + high) / 2
		chance, _ := silent.after(middle)
		var open float64
		for _, w := range waits {
			if w.long > middle {
				open += w.chance * chance
			}
		}
		if open <= part {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}
