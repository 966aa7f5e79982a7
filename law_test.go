package verdict

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// flatPrior expects every cell alike.
func flatPrior() []float64 {
	p := make([]float64, cells+1)
	for k := range p {
		p[k] = 1 / float64(len(p))
	}
	return p
}

// looks are when somebody looks who begins at once and doesn't look at regular times.
func looks(r *rand.Rand) (times []time.Duration) {
	for at := uniform(r, 5*time.Second, 25*time.Second); at < 10*time.Minute; at += uniform(r, 10*time.Second, 40*time.Second) {
		times = append(times, at)
	}
	return times
}

// sight adds what such a person sees of a time: that it lay between two looks, or hadn't come by the last.
func sight(l *Law, d time.Duration, times []time.Duration) {
	var before time.Duration
	for _, at := range times {
		if d <= at {
			l.saw(before, at)
			return
		}
		before = at
	}
	l.saw(before, forever)
}

// distance is the greatest difference between an estimate and the distribution function of a law.
func distance(density []float64, upTo func(time.Duration) float64) (sup float64) {
	var sum float64
	for k := range cells {
		sum += density[k]
		sup = max(sup, math.Abs(sum-upTo(cellEnd(k))))
	}
	return sup
}

func upToUniform(low, high time.Duration) func(time.Duration) float64 {
	return func(d time.Duration) float64 { return min(max(float64(d-low)/float64(high-low), 0), 1) }
}

func upToLognormal(median time.Duration, sigma float64) func(time.Duration) float64 {
	return func(d time.Duration) float64 {
		return 0.5 * math.Erfc(-math.Log(float64(d)/float64(median))/(sigma*math.Sqrt2))
	}
}

func TestATimeLiesInTheCellThatEndsNext(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, 1, firstCell} {
		if k := cellOf(d); k != 0 {
			t.Errorf("%s lies in cell %d", d, k)
		}
	}
	for k := 1; k < cells; k++ {
		if cellOf(cellEnd(k-1)+1) != k || cellOf(cellEnd(k)) != k {
			t.Errorf("cell %d reaches from cell %d to %d", k, cellOf(cellEnd(k-1)+1), cellOf(cellEnd(k)))
		}
		if m := cellMiddle(k); m <= cellEnd(k-1) || m >= cellEnd(k) {
			t.Errorf("the middle of cell %d is %s", k, m)
		}
	}
	if k := cellOf(cellEnd(cells-1) + 1); k != beyond || cellOf(forever) != beyond {
		t.Errorf("what is longer lies in cell %d", k)
	}
}

func TestASightingSpansAtLeastACell(t *testing.T) {
	at := cellOf(time.Minute)
	for _, test := range []struct {
		name        string
		after, upTo time.Duration
		want        span
	}{
		{"nothing known from below", 0, time.Minute, span{-1, at}},
		{"between the ends of cells", cellEnd(at - 5), cellEnd(at), span{at - 5, at}},
		{"looked a little late", cellEnd(at-5) + time.Millisecond, cellEnd(at) + time.Millisecond, span{at - 5, at}},
		{"looked twice within a cell", cellEnd(at) - 2, cellEnd(at) - 1, span{at - 1, at}},
		{"by clocks that differ", time.Hour, cellEnd(at), span{at - 1, at}},
		{"it had not come", cellEnd(at), forever, span{at, beyond}},
		{"it had not come after days", 100 * time.Hour, forever, span{cells - 1, beyond}},
	} {
		var l Law
		l.saw(test.after, test.upTo)
		if l.seen[test.want] != 1 {
			t.Errorf("%s: %v, want %v", test.name, l.seen, test.want)
		}
	}
}

func TestALawSeenThroughLooksIsEstimatedClosely(t *testing.T) {
	for _, test := range []struct {
		name string
		draw func(*rand.Rand) time.Duration
		upTo func(time.Duration) float64
	}{
		{"uniform", func(r *rand.Rand) time.Duration { return uniform(r, 30*time.Second, 2*time.Minute) }, upToUniform(30*time.Second, 2*time.Minute)},
		{"longer than the partner says", func(r *rand.Rand) time.Duration { return uniform(r, 4*time.Minute, 7*time.Minute) }, upToUniform(4*time.Minute, 7*time.Minute)},
		{"lognormal", func(r *rand.Rand) time.Duration { return lognormal(r, 40*time.Second, 0.8) }, upToLognormal(40*time.Second, 0.8)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(10) {
				r := rand.New(rand.NewPCG(seed, 1))
				var l Law
				for range 500 {
					sight(&l, test.draw(r), looks(r))
				}
				if d := distance(l.density(settlePrior(Traits{SettlesWithin: 2 * time.Minute})), test.upTo); d > 0.1 {
					t.Errorf("seed %d: %.3f off", seed, d)
				}
			}
		})
	}
}

// TestTimesThatHadNotComeCount: who looks for a minute sees half of a law, and that there is another half.
func TestTimesThatHadNotComeCount(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var l Law
	for range 500 {
		d := uniform(r, 0, 2*time.Minute)
		if d > time.Minute {
			l.saw(time.Minute, forever)
		} else {
			l.saw(max(d-5*time.Second, 0), d+5*time.Second)
		}
	}
	var sum float64
	for k, p := range l.density(flatPrior()) {
		if k <= cellOf(time.Minute) {
			sum += p
		}
	}
	if sum < 0.45 || sum > 0.55 {
		t.Errorf("%.2f within the minute", sum)
	}
}

func TestOldSightingsFade(t *testing.T) {
	var law, day Law
	day.saw(time.Second, 2*time.Second)
	for range 10 {
		law = law.with(day)
	}
	if w := law.weight(); w < 9.9 || w > 10 {
		t.Errorf("ten sightings count %.2f", w)
	}
	var now Law
	for range memory {
		now.saw(time.Minute, 2*time.Minute)
	}
	old := span{cellOf(time.Second), cellOf(2 * time.Second)}
	if faded, want := law.with(now).seen[old], law.seen[old]/math.E; math.Abs(faded-want) > 1e-9 {
		t.Errorf("after %d others they count %.3f, want %.3f", memory, faded, want)
	}
	for range 20 {
		law = law.with(now)
	}
	if len(law.seen) != 1 || law.weight() > 1.6*memory {
		t.Errorf("at last %d kinds are kept, and count %.0f", len(law.seen), law.weight())
	}
}

func TestWhatWasLearnedIsNotChangedByWhatComesAfter(t *testing.T) {
	var before, more Law
	before.sawAt(time.Second)
	more.sawAt(time.Minute)
	kept := maps.Clone(before.seen)
	before.with(more)
	if both := (Law{}).with(before); !maps.Equal(before.seen, kept) || !maps.Equal(both.seen, kept) {
		t.Errorf("%v became %v, and %v with nothing", kept, before.seen, both.seen)
	}
}

func TestExactSightingsStayExact(t *testing.T) {
	var l Law
	for range 30 {
		l.sawAt(150 * time.Second)
	}
	for range 60 {
		l.saw(time.Second, 10*time.Minute)
	}
	p, at := l.density(flatPrior()), cellOf(150*time.Second)
	var beside float64
	for k := at - 3; k <= at+3; k++ {
		beside = max(beside, p[k]*min(math.Abs(float64(k-at)), 1))
	}
	if p[at] < 0.3 || p[at] > 0.33 || beside > 0.02 {
		t.Errorf("%.3f at the time, %.3f beside it; want the third that was seen there, and no more", p[at], beside)
	}
}

func TestALawSurvivesBeingStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLaw(t)
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		back := Law{}
		back.sawAt(time.Second) // which goes
		if err := json.Unmarshal(text, &back); err != nil || !maps.Equal(back.seen, l.seen) {
			t.Fatalf("%v became %v by %s, %v", l.seen, back.seen, text, err)
		}
	})
	var l Law
	if err := json.Unmarshal([]byte(`{"seen":1}`), &l); err == nil {
		t.Error("something else was taken for a law")
	}
}

func TestADensitySumsToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prior := rapid.SampledFrom([][]float64{flatPrior(), webhookPrior(), settlePrior(Traits{NotFoundFinal: time.Minute})}).Draw(t, "prior")
		var sum float64
		for k, p := range drawLaw(t).density(prior) {
			if p < 0 || math.IsNaN(p) {
				t.Fatalf("%g in cell %d", p, k)
			}
			sum += p
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("it sums to %g", sum)
		}
	})
}

// drawLaw is what some sightings of any kind tell, of any times.
func drawLaw(t *rapid.T) (l Law) {
	r := drawChance(t, "law")
	median, sigma := lognormal(r, time.Minute, 2), 2*r.Float64()
	for range r.IntN(50) {
		var more Law
		switch d := lognormal(r, median, sigma); r.IntN(4) {
		case 0:
			more.sawAt(d)
		case 1:
			more.saw(d, forever)
		default:
			more.saw(d-uniform(r, 0, 2*d), d+uniform(r, -d/10, d))
		}
		l = l.with(more)
	}
	return l
}
