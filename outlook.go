package verdict

import (
	"hash/crc32"
	"math"
	"slices"
	"time"
)

// Outlook is what we expect of a partner's transactions, from what was seen and from the partner's own word before
// that, and when to ask accordingly. It doesn't change.
type Outlook struct {
	Price   time.Duration // of a check: so much of a user's waiting it has to save
	courses [2]forecast   // of what was left unanswered, and of what was answered
}

// forecast is what we expect of one course.
type forecast struct {
	seen    float64   // how many sightings it rests on
	rate    float64   // transactions a second
	settle  []float64 // how likely the verdict can be had first in each cell of time from sending
	webhook []float64 // how likely the webhook comes in each cell of time from then; the last: never
	plan    *Plan
	watched *Plan // of a transaction that somebody is watching
}

// DefaultPrice is what a check costs at the least: so much of a user's waiting it has to save.
const DefaultPrice = 8 * time.Second

const (
	// watchedWeight is how much more a second counts if somebody is watching.
	watchedWeight = 4

	// spare is the share of the budget that plans may use up; the rest is for people, webhooks and the unforeseen.
	spare = 0.8

	// maxPrice is what a check costs at the most. At that price hardly any is made but the floor's.
	maxPrice = 24 * time.Hour
)

// NewOutlook plans for a partner with these traits, by what was learned until now. A check costs price, or more if as
// many as that makes worth while would not fit the budget.
func NewOutlook(t Traits, floor []time.Duration, l Learned, b Budget, price time.Duration, now time.Time) *Outlook {
	o := &Outlook{Price: price}
	var problems [2]inspection // large, so they aren't kept
	for n, c := range []Course{l.Unanswered, l.Answered} {
		f := forecast{
			seen: c.Settle.weight(), rate: c.fade(now.Sub(l.At)).rate(),
			settle: c.Settle.density(settlePrior(t)), webhook: c.Webhook.density(webhookPrior()),
		}
		o.courses[n], problems[n] = f, inspect(f.settle, f.webhook, floor)
	}
	if interval := b.Interval(); interval > 0 {
		o.Price = o.affordable(problems, spare/interval.Seconds(), price)
	}
	for n, problem := range problems {
		f := &o.courses[n]
		f.plan, f.watched = problem.plan(o.Price.Seconds()), problem.plan(o.Price.Seconds()/watchedWeight)
	}
	return o
}

// Pinned is the outlook of who has decided to ask at given times from sending, whatever was seen.
func Pinned(times []time.Duration) *Outlook {
	p := &Plan{next: make([]int, cells), first: make([]float64, cells)}
	next := cells - 1
	for k := cells - 1; k >= 0; k-- {
		p.next[k], p.first[k] = next, math.Inf(1)
		if slices.ContainsFunc(times, func(at time.Duration) bool { return cellOf(at) == k }) {
			next, p.first[k] = k, float64(k)
		}
	}
	f := forecast{plan: p, watched: p}
	return &Outlook{courses: [2]forecast{f, f}}
}

// affordable is the lowest price from `least` on at which all checks together fit a rate, in checks a second, even if
// somebody watches every transaction.
func (o *Outlook) affordable(problems [2]inspection, rate float64, least time.Duration) time.Duration {
	low, high := math.Log(least.Seconds()), math.Log(maxPrice.Seconds())
	if o.demand(problems, least) <= rate {
		return least
	}
	for range 12 {
		middle := (low + high) / 2
		if o.demand(problems, time.Duration(math.Exp(middle)*float64(time.Second))) <= rate {
			high = middle
		} else {
			low = middle
		}
	}
	return time.Duration(math.Exp(high) * float64(time.Second))
}

// demand is how many checks a second are made at a price.
func (o *Outlook) demand(problems [2]inspection, price time.Duration) (sum float64) {
	for n, f := range o.courses {
		if f.rate > 0 {
			sum += f.rate * problems[n].checks(problems[n].plan(price.Seconds()/watchedWeight))
		}
	}
	return sum
}

// plan is the plan for a transaction; nil without an outlook. One in scouts is asked about as if somebody were watching:
// so we learn what happens between our usual times.
func (o *Outlook) plan(t Transaction) *Plan {
	if o == nil {
		return nil
	}
	f := o.courses[course(t.Answered)]
	if t.Watched || crc32.ChecksumIEEE([]byte(t.ID))%scouts == 0 {
		return f.watched
	}
	return f.plan
}

const scouts = 8

func course(answered bool) int {
	if answered {
		return 1
	}
	return 0
}

// settlePrior is what we expect before we have seen anything: most verdicts by the time that the partner names, half of
// them at any moment alike, half at any magnitude alike, and the others ever more rarely. One that is never carried out
// is known at NotFoundFinal.
func settlePrior(t Traits) []float64 {
	within := t.SettlesWithin
	if within == 0 {
		within = t.SubmitTimeout + time.Minute
	}
	p := make([]float64, cells+1)
	least, last := cellOf(time.Second), min(cellOf(within), cells-1)
	var begin time.Duration
	for k := range last + 1 {
		p[k] = 0.4 * float64(cellEnd(k)-begin) / float64(cellEnd(last))
		if k > least {
			p[k] += 0.4 / float64(last-least)
		}
		begin = cellEnd(k)
	}
	for k := last + 1; k <= beyond; k++ {
		p[k] = 0.2 / float64(beyond-last)
	}
	if t.NotFoundFinal > 0 && !t.Deduplicates {
		for k := range p {
			p[k] *= 0.8
		}
		p[cellOf(t.NotFoundFinal)] += 0.2
	}
	return p
}

// webhookPrior is what we expect of webhooks before we have seen any: four in five come within 15 s, half of them in the
// first two. Later ones we hardly expect, but what isn't expected at all would never be learned.
func webhookPrior() []float64 {
	p := make([]float64, cells+1)
	last := cellOf(15 * time.Second)
	for k := range last + 1 {
		p[k] = 0.799 / float64(last+1) // #nosec G602 -- p has cells+1
	}
	for k := last + 1; k < cells; k++ {
		p[k] = 0.001 / float64(cells-1-last)
	}
	p[beyond] = 0.2
	return p
}
