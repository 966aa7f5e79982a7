package verdict

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func uniform(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Float64()*float64(high-low))
}

func lognormal(r *rand.Rand, median time.Duration, sigma float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(sigma*r.NormFloat64()))
}

// plenty is a budget that is never spent.
var plenty = Budget{Limit: 1000, Window: time.Second, Burst: 1}

// laws are partners to plan for.
func laws() []settleLaw {
	mission := Traits{
		WebhookSettles: true, NotFoundFinal: 150 * time.Second, SettlesWithin: 2 * time.Minute,
		SubmitTimeout: 35 * time.Second, Budget: plenty,
	}
	momo := Traits{WebhookSettles: true, Deduplicates: true, SettlesWithin: 5 * time.Minute, SubmitTimeout: 30 * time.Second, Budget: plenty}
	unknown := Traits{WebhookSettles: true, SubmitTimeout: 30 * time.Second, Budget: plenty}
	return []settleLaw{
		{"mission", mission, missionFate},
		{"minutes", momo, func(r *rand.Rand, _ int) fate {
			f := fate{answered: true, reply: uniform(r, 100*time.Millisecond, time.Second)}
			f.settles = min(lognormal(r, 40*time.Second, 0.8), 5*time.Minute)
			f.webhook = perhaps(r, f.settles+uniform(r, time.Second, 5*time.Second), 0.85)
			return f
		}},
		{"heavy tail", unknown, func(r *rand.Rand, _ int) fate {
			f := fate{answered: true, reply: uniform(r, 100*time.Millisecond, time.Second)}
			f.settles = time.Duration(float64(5*time.Second) / math.Pow(1-r.Float64(), 0.9))
			f.webhook = perhaps(r, f.settles+time.Duration(r.ExpFloat64()*float64(10*time.Second)), 0.5)
			return f
		}},
		{"drift", unknown, func(r *rand.Rand, n int) fate {
			f := fate{answered: true, reply: uniform(r, 100*time.Millisecond, time.Second)}
			median := 20 * time.Second
			if n >= driftAt {
				median = 90 * time.Second
			}
			f.settles = lognormal(r, median, 0.4)
			f.webhook = perhaps(r, f.settles+uniform(r, time.Second, 10*time.Second), 0.5)
			return f
		}},
	}
}

// driftAt is with which transaction the drifting law changes.
const driftAt = 2000

// missionFate is PROVIDERS.md A: two in three are 504s, of which half are carried out; of the others the reply was lost.
func missionFate(r *rand.Rand, _ int) fate {
	if r.IntN(3) == 0 {
		f := fate{settles: uniform(r, 200*time.Millisecond, 10*time.Second)}
		f.reply = f.settles
		f.webhook = perhaps(r, max(uniform(r, 10*time.Second, 30*time.Second), f.settles), 0.8)
		return f
	}
	f := fate{answered: true, reply: 30 * time.Second, settles: forever, webhook: forever}
	if r.IntN(2) == 0 {
		f.settles = uniform(r, 30*time.Second, 120*time.Second)
	}
	return f
}

// perhaps is a webhook that comes at a time with a chance.
func perhaps(r *rand.Rand, at time.Duration, chance float64) time.Duration {
	if r.Float64() < chance {
		return at
	}
	return forever
}

// measure plays a law with an outlook of no planner.
func measure(law settleLaw, o *Outlook, from, to int) figures {
	w := &planWorld{law: law, policy: Policy{Traits: law.traits, Schedule: DefaultSchedule(), Outlook: o}, every: time.Second}
	return figuresOf(w.play(1, from, to))
}

func planned(law settleLaw, n int) *planWorld {
	w := &planWorld{law: law, policy: Policy{Traits: law.traits, Schedule: DefaultSchedule()}, every: time.Second, price: DefaultPrice}
	w.play(1, 0, n)
	return w
}

// best is what can be achieved with as many checks a transaction: of the two plans next to it, mixed.
func best(law, known settleLaw, checks float64, from, to int) figures {
	a, b := optimum(known, DefaultSchedule(), checks, func(o *Outlook) figures { return measure(law, o, from, to) })
	more, less := measure(law, a, from, to), measure(law, b, from, to)
	share := 0.0
	if more.checks > less.checks {
		share = min(max((checks-less.checks)/(more.checks-less.checks), 0), 1)
	}
	mix := func(x, y float64) float64 { return share*x + (1-share)*y }
	return figures{
		mean: mix(more.mean, less.mean), p50: mix(more.p50, less.p50), p90: mix(more.p90, less.p90), p99: mix(more.p99, less.p99),
		checks: mix(more.checks, less.checks), cases: less.cases,
	}
}

// row is a line of the table.
func row(name string, f figures) string {
	return fmt.Sprintf("  %-26s %7.1f %7.1f %7.1f %7.1f %7.2f", name, f.mean, f.p50, f.p90, f.p99, f.checks)
}

// BenchmarkPlan compares ways of choosing when to ask, in time of its own, and prints a table for each law.
func BenchmarkPlan(b *testing.B) {
	for range b.N {
		for _, law := range laws() {
			fmt.Println(compare(law)) // Log would cut it short
		}
	}
}

// compare is the table of a law. Where planned is compared with what can be achieved, that makes as many checks.
func compare(law settleLaw) string {
	from, to, known := 2000, 4000, law
	if law.name == "drift" {
		from, to = driftAt+1000, driftAt+3000
		known.draw = func(r *rand.Rand, n int) fate { return law.draw(r, n+driftAt) }
	}
	var text strings.Builder
	fmt.Fprintf(&text, "\n%s: seconds from settled to known where the webhook was lost, transactions %d to %d\n  %-26s %7s %7s %7s %7s %7s\n",
		law.name, from, to, "", "mean", "p50", "p90", "p99", "checks")
	backoff := measure(law, nil, from, to)
	fmt.Fprintln(&text, row("backoff", backoff))
	fmt.Fprintln(&text, row("doubling from 5 s", measure(law, Pinned(doubling(5*time.Second, 9)), from, to)))
	fmt.Fprintln(&text, row("every 24 s to 2 min", measure(law, Pinned([]time.Duration{24 * time.Second, 48 * time.Second, 72 * time.Second, 96 * time.Second, 2 * time.Minute}), from, to)))
	w := planned(law, to)
	f := figuresOf(w.cases[from:])
	fmt.Fprintln(&text, against(best(law, known, f.checks, from, to), "planned", f))
	frugal := law
	frugal.traits.Budget = Budget{Limit: int(1000 * 1.3 * backoff.checks), Window: 1000 * time.Second, Burst: 1}
	thrifty := planned(frugal, to)
	fmt.Fprintln(&text, row("planned, 1.3 x backoff", figuresOf(thrifty.cases[from:])))
	for _, n := range []int{100, 1000} {
		first := figuresOf(w.cases[:n])
		fmt.Fprintln(&text, against(best(law, law, first.checks, 0, n), fmt.Sprintf("planned, first %d", n), first))
	}
	fmt.Fprintf(&text, "  windows over the budget: %d, %d", over(w.turns, law.traits.Budget), over(thrifty.turns, frugal.traits.Budget))
	return text.String()
}

// against is a line and the optimum's below it.
func against(o figures, name string, f figures) string {
	return fmt.Sprintf("%s\n%s\n  %-26s %7.2f %7.2f", row(name, f), row("  optimum", o), "  ratio", f.mean/o.mean, f.p50/o.p50)
}

func doubling(first time.Duration, n int) (times []time.Duration) {
	for range n {
		times = append(times, first)
		first *= 2
	}
	return times
}

func TestPlannedChecksComeCloseToTheBestThereAre(t *testing.T) {
	for _, law := range laws() {
		t.Run(law.name, func(t *testing.T) {
			t.Parallel()
			from, to, known := 1000, 2000, law
			if law.name == "drift" {
				from, to = driftAt+1000, driftAt+2000
				known.draw = func(r *rand.Rand, n int) fate { return law.draw(r, n+driftAt) }
			}
			w := planned(law, to)
			f := figuresOf(w.cases[from:])
			if o := best(law, known, f.checks, from, to); f.mean > 1.3*o.mean || f.p50 > 1.3*o.p50 {
				t.Errorf("once it has learned: mean %.1f, p50 %.1f; at best %.1f and %.1f", f.mean, f.p50, o.mean, o.p50)
			}
			if n := over(w.turns, law.traits.Budget); n > 0 {
				t.Errorf("%d windows over the budget", n)
			}
		})
	}
}
