package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// never is the density of what never comes.
func never() []float64 {
	p := make([]float64, cells+1)
	p[beyond] = 1
	return p
}

// between is the density of what comes between two times, at any moment alike, with a chance; else never.
func between(low, high time.Duration, chance float64) []float64 {
	p := never()
	p[beyond] = 1 - chance
	for k := range cells {
		begin := time.Duration(0)
		if k > 0 {
			begin = cellEnd(k - 1)
		}
		part := min(cellEnd(k), high) - max(begin, low)
		p[k] += chance * max(part, 0).Seconds() / (high - low).Seconds()
	}
	return p
}

// checksOf are the cells at whose ends a plan asks.
func checksOf(p *Plan, in inspection) (at []int) {
	at = append(at, p.firstFrom(0, in.floor[0]))
	for at[len(at)-1] < in.floor[len(in.floor)-1] {
		at = append(at, p.next[at[len(at)-1]])
	}
	return at
}

// drawChance draws from a source that a failing example names, and that prefers no small numbers as rapid's own do.
func drawChance(t *rapid.T, name string) *rand.Rand {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, name), 1))
}

// drawDensity is a density of a few heaps of cells from one up to another, of any weights.
func drawDensity(t *rapid.T, from, to int, name string) []float64 {
	p := make([]float64, cells+1)
	r := drawChance(t, name)
	var sum float64
	for range 1 + r.IntN(5) {
		w, first := r.Float64(), from+r.IntN(to-from+1)
		for k := first; k <= first+r.IntN(to-first+1); k++ {
			p[k] += w
			sum += w
		}
	}
	p[beyond] += sum * r.Float64() * float64(r.IntN(3))
	sum += p[beyond]
	for k := range p {
		p[k] /= sum
	}
	return p
}

// price is what asking at some cells' ends costs, by the words of Plan: each second that a user waits for a verdict that
// could be had costs one, and a check that is made costs the price.
func price(at []int, settle, webhook []float64, check float64) (sum float64) {
	last := -1
	for _, j := range at {
		made := 0.0 // the chance that the verdict isn't known when it is time to ask
		for k, p := range settle {
			switch {
			case k > j:
				made += p
			case k > last:
				silent, seconds := hush(webhook, cellEnd(j)-cellMiddle(k))
				made += p * silent
				sum += p * seconds
			}
		}
		sum += check * made
		last = j
	}
	return sum
}

// hush is how likely a webhook hasn't come after a time, and for how long it is expected not to come in that time. In its
// cell it comes at any moment alike.
func hush(webhook []float64, d time.Duration) (silent, seconds float64) {
	silent, seconds = 1, d.Seconds()
	begin := 0.0
	for k := range cells {
		long := cellEnd(k).Seconds() - begin
		if part := min((d.Seconds()-begin)/long, 1); part > 0 {
			silent -= webhook[k] * part
			seconds -= webhook[k] * part * (d.Seconds() - begin - part*long/2)
		}
		begin += long
	}
	return silent, seconds
}

func TestSilenceLastsUntilTheWebhook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		webhook := drawDensity(t, 0, cells-1, "webhook")
		silent := newSilence(webhook)
		r := drawChance(t, "time")
		for range 20 {
			d := uniform(r, 0, cellEnd(r.IntN(cells)))
			chance, seconds := silent.after(d)
			if c, s := hush(webhook, d); math.Abs(chance-c) > 1e-9 || math.Abs(seconds-s) > 1e-6*(1+s) {
				t.Fatalf("after %s silent with chance %g, for %g s; want %g and %g", d, chance, seconds, c, s)
			}
		}
	})
}

// TestAPlanIsTheBestThereIs compares with all plans there are where verdicts come in few cells, up to the floor's last: a
// check before them would cost its price and find nothing.
func TestAPlanIsTheBestThereIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const first, last = 52, 60
		r := drawChance(t, "floor and price")
		floor, check := []time.Duration{cellEnd(first + r.IntN(last-first)), cellEnd(last)}, 0.01+0.5*r.Float64()
		settle, webhook := drawDensity(t, first, last+3, "settle"), drawDensity(t, 0, 40, "webhook")
		in := inspect(settle, webhook, floor)
		plan := in.plan(check)
		got := price(checksOf(plan, in), settle, webhook, check)
		best, bestAt := math.Inf(1), []int(nil)
		for set := range 1 << (last - first + 1) {
			var at []int
			for k := first; k <= last; k++ {
				if set>>(k-first)&1 == 1 {
					at = append(at, k)
				}
			}
			if !slices.Contains(at, cellOf(floor[0])) || !slices.Contains(at, last) {
				continue
			}
			if cost := price(at, settle, webhook, check); cost < best {
				best, bestAt = cost, at
			}
		}
		if got > best+1e-9 {
			t.Fatalf("asking at %v costs %g, at %v %g", checksOf(plan, in), got, bestAt, best)
		}
		if want := price(checksOf(plan, in), settle, webhook, 1) - price(checksOf(plan, in), settle, webhook, 0); math.Abs(in.checks(plan)-want) > 1e-9 {
			t.Fatalf("told of %g checks, expected %g", in.checks(plan), want)
		}
	})
}

// TestChecksOfAUniformLawAreSpacedByTheRule: each pause is shorter than the one before by the price (Barlow, Hunter and
// Proschan 1963). If a check costs next to nothing beside the wait, they are alike.
func TestChecksOfAUniformLawAreSpacedByTheRule(t *testing.T) {
	floor := []time.Duration{2 * time.Minute, 10 * time.Minute}
	for _, test := range []struct {
		chance, price float64
		checks        int
	}{
		{1, 10, 5},
		{1, 30, 3},
		{0.02, 0.05, 5},
		{0.01, 0.05, 4},
	} {
		in := inspect(between(0, 2*time.Minute, test.chance), never(), floor)
		at := checksOf(in.plan(test.price), in)
		at = at[:len(at)-1] // the last is the floor's, when all is over
		if len(at) != test.checks {
			t.Errorf("at %g s a check: %d checks, want %d", test.price, len(at), test.checks)
		}
		var last, pause float64
		for n, k := range at {
			end, cell := cellEnd(k).Seconds(), (cellEnd(k) - cellEnd(k-1)).Seconds()
			if n > 0 && math.Abs(pause-test.price-(end-last)) > 2*cell {
				t.Errorf("at %g s a check: a pause of %.1f s after one of %.1f", test.price, end-last, pause)
			}
			last, pause = end, end-last
		}
	}
}

func TestALikelyWebhookThinsTheChecksOut(t *testing.T) {
	floor := DefaultSchedule().floor()
	settle := between(0, 2*time.Minute, 1)
	more := func(chance float64) float64 { // checks than the floor's
		in := inspect(settle, between(0, 2*time.Second, chance), floor)
		return in.checks(in.plan(DefaultPrice.Seconds())) - in.checks(in.plan(maxPrice.Seconds()))
	}
	if none, likely, certain := more(0), more(0.8), more(1); none < 2*likely || likely < 0.01 || certain > 1e-9 {
		t.Errorf("beside the floor's %.2f checks without webhooks, %.2f with four in five, %.2f with all; want ever fewer, and none", none, likely, certain)
	}
}

// TestADearerCheckIsNotMadeMoreOften, and those of the floor are always made.
func TestADearerCheckIsNotMadeMoreOften(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		floor := drawSchedule(t).floor()
		in := inspect(drawDensity(t, 0, cells-1, "settle"), drawDensity(t, 0, cells-1, "webhook"), floor)
		r := drawChance(t, "prices")
		dearer := math.Exp(15*r.Float64() - 5)
		cheaper := dearer * r.Float64()
		few, many := in.plan(dearer), in.plan(cheaper)
		if in.checks(few) > in.checks(many)+1e-9 {
			t.Fatalf("%g checks at %g s, %g at %g s", in.checks(few), dearer, in.checks(many), cheaper)
		}
		for _, p := range []*Plan{few, many} {
			for _, f := range in.floor {
				if !slices.Contains(checksOf(p, in), f) {
					t.Fatalf("the floor's check in cell %d is not among those in %v", f, checksOf(p, in))
				}
			}
		}
	})
}
