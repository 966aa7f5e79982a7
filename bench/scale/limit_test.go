package scale

import (
	"strings"
	"testing"
	"time"
)

func TestWhatLimitsAPoint(t *testing.T) {
	held := func(of100 int) Waits {
		return Waits{Samples: 100, Held: map[string]int{working: of100 / 2, syncing: of100 - of100/2}}
	}
	late := newLatency()
	late.Record(time.Second)
	late.finish()
	for name, c := range map[string]struct {
		point Point
		want  string
	}{
		"lock":       {Point{Shares: counts{machineCPU: 1}, Waits: held(95)}, "PostgreSQL's lock, held 95 %"},
		"both":       {Point{Shares: counts{machineCPU: 1.9}, Waits: held(95)}, "processors (95 % busy) and PostgreSQL's lock (held 95 %)"},
		"processors": {Point{Shares: counts{machineCPU: 1.9}, Waits: held(60), Late: late}, "processors (95 % busy)"},
		"client":     {Point{Shares: counts{machineCPU: 1.2}, Waits: held(60), Late: late}, "the load client"},
		"unknown":    {Point{Shares: counts{machineCPU: 1.2}}, "none of what is watched (processors 60 % busy)"},
	} {
		if got := c.point.limit(2); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// Who waits for the lock doesn't hold it, and who reads doesn't want it.
func TestWhatTheHolderOfTheLockDoes(t *testing.T) {
	var w Waits
	w.sample(nil)
	w.sample([]connection{{true, "", ""}, {false, "Lock", "transactionid"}, {true, "Lock", "tuple"}, {false, "", ""}})
	w.sample([]connection{{true, "IO", "WALSync"}, {false, "Client", "ClientRead"}})
	w.sample([]connection{{true, "LWLock", "WALWrite"}})
	var all Waits
	all.add(w)
	all.add(Waits{Samples: 4, Held: map[string]int{asking: 1}})
	all.sample([]connection{{true, "Client", "ClientRead"}})
	all.sample([]connection{{true, "IO", "DataFileRead"}})
	for what, want := range map[string]float64{working: 0.1, syncing: 0.2, asking: 0.2, "waiting: IO DataFileRead": 0.1, "": 0.6} {
		if got := all.holding(what); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%q in %g of the samples, want %g", what, got, want)
		}
	}
	if all.Waiting != 2 {
		t.Errorf("%d waited, want 2", all.Waiting)
	}
	if (Waits{}).holding("") != 0 {
		t.Error("held in no samples")
	}
}

func TestARateIsSustained(t *testing.T) {
	point := func(change func(*Point)) *Point {
		p := &Point{Submit: newLatency()}
		p.Submit.P99 = promptly - 1
		p.Behind = keepUp
		change(p)
		return p
	}
	for name, c := range map[string]struct {
		change         func(*Point)
		submits, whole bool
	}{
		"all well":   {func(*Point) {}, true, true},
		"slow":       {func(p *Point) { p.Submit.P99 = promptly }, false, false},
		"refused":    {func(p *Point) { p.Refused = 1 }, false, false},
		"cut":        {func(p *Point) { p.Cut = true }, false, false},
		"lost":       {func(p *Point) { p.Lost = 1 }, true, false},
		"piling up":  {func(p *Point) { p.Behind = keepUp + 1 }, true, false},
		"told twice": {func(p *Point) { p.Stray = 1 }, true, true}, // at least once is what is promised
	} {
		if p := point(c.change); p.submits() != c.submits || p.whole() != c.whole {
			t.Errorf("%s: submits %v, whole %v", name, p.submits(), p.whole())
		}
	}
}
