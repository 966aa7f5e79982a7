package verdict

import (
	"container/heap"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// fate is what becomes of a transaction whose verdict doesn't come with the reply. Times count from sending.
type fate struct {
	answered bool          // the partner answers, without the verdict
	reply    time.Duration // when its answer comes, or the connection breaks
	settles  time.Duration // when the verdict stands; forever: the partner never carries it out
	webhook  time.Duration // when it tells; forever: it doesn't
}

// settleLaw is how a partner behaves.
type settleLaw struct {
	name   string
	traits Traits
	draw   func(r *rand.Rand, n int) fate // of the nth transaction
}

// planWorld plays transactions of one law, decided by the product's rules, in time of its own: one begins each `every`.
type planWorld struct {
	law     settleLaw
	policy  Policy
	every   time.Duration
	price   time.Duration // of the planner; 0: the policy's outlook stays as it is
	now     time.Time
	planned time.Time
	learned Learned
	seen    Learned // since it was planned
	pace    Pace
	queue   events
	cases   []*playedCase
	turns   []time.Time
}

// playedCase is a transaction and what became of it.
type playedCase struct {
	Transaction
	fate    fate
	checks  int
	history []Evidence
}

// delay is how long the verdict stood before we knew.
func (c *playedCase) delay() time.Duration { return c.SettledAt.Sub(c.SentAt) - c.fate.settles }

// lost reports whether the case counts: its verdict came to stand, and no webhook told of it.
func (c *playedCase) lost() bool {
	return c.fate.settles != forever && c.fate.webhook == forever && c.Settled()
}

type planEvent struct {
	at time.Time
	do func()
}

type events []planEvent

func (q events) Len() int           { return len(q) }
func (q events) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q events) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)        { *q = append(*q, x.(planEvent)) }
func (q *events) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

func (w *planWorld) at(t time.Time, do func()) { heap.Push(&w.queue, planEvent{t, do}) }

// play runs transactions to their ends, from one number up to another.
func (w *planWorld) play(seed uint64, from, to int) []*playedCase {
	r := rand.New(rand.NewPCG(seed, 1))
	w.now = start
	for i := range to {
		f := w.law.draw(r, i)
		if i < from {
			continue
		}
		w.at(start.Add(time.Duration(i)*w.every), func() { w.begin(fmt.Sprint("id", i), f) })
	}
	for len(w.queue) > 0 {
		e := heap.Pop(&w.queue).(planEvent)
		w.now = e.at
		w.plan()
		e.do()
	}
	return w.cases
}

// plan has the planner look at what was learned.
func (w *planWorld) plan() {
	if w.price == 0 || w.now.Sub(w.planned) < planFor {
		return
	}
	w.learned, w.seen = w.learned.Add(w.seen), Learned{}
	w.policy.Outlook = NewOutlook(w.law.traits, w.policy.Schedule.floor(), w.learned, w.pace.Budget(w.law.traits.Budget, w.now), w.price, w.now)
	w.planned = w.now
}

func (w *planWorld) begin(id string, f fate) {
	t := accepted()
	t.ID = id
	c := &playedCase{Transaction: t.Send(w.policy, w.now), fate: f}
	w.cases = append(w.cases, c)
	sent := w.now
	w.at(sent.Add(f.reply), func() {
		e := Evidence{Source: SourceReply, Outcome: OutcomeUnknown, Asked: sent, At: w.now}
		if f.answered {
			e.Outcome = OutcomePending
		}
		w.weigh(c, e)
	})
	if f.webhook != forever {
		w.at(sent.Add(f.webhook), func() { w.weigh(c, Evidence{Source: SourceWebhook, Outcome: OutcomeSucceeded, At: w.now}) })
	}
}

// weigh does what the settler does with a piece of evidence.
func (w *planWorld) weigh(c *playedCase, e Evidence) {
	c.history = append(c.history, e)
	before := c.Transaction
	c.Transaction = before.Weigh(e, w.policy)
	w.pace = w.pace.After(e)
	if c.Version == before.Version {
		return
	}
	w.saw(sighting(before, c.Transaction, e, w.law.traits))
	if c.Settled() && e.Source == SourceCheck {
		v := told{after: later(c.CheckedAt, c.SentAt), upTo: e.Asked}
		w.at(w.now.Add(webhookPatience), func() {
			seen := Learned{At: w.now}
			v.webhook(seen.course(c.Answered), c.history)
			w.saw(seen)
		})
	}
	w.await(c)
}

// saw takes what a change tells of the partner's ways, if there is a planner.
func (w *planWorld) saw(seen Learned) {
	if w.price > 0 && !seen.At.IsZero() {
		w.seen = w.seen.Add(seen)
	}
}

// await has a case asked about when it is due.
func (w *planWorld) await(c *playedCase) {
	if _, more := c.Command(); !more {
		return
	}
	version := c.Version
	w.at(later(c.Due, w.now), func() { w.check(c, version) })
}

func (w *planWorld) check(c *playedCase, version int64) {
	if c.Version != version {
		return
	}
	pace, turn, err := w.pace.Take(w.law.traits.Budget, w.now)
	if err != nil {
		w.at(err.(*PacedError).Until, func() { w.check(c, version) })
		return
	}
	w.pace = pace
	w.turns = append(w.turns, turn.At)
	c.Transaction = c.Ask(w.now)
	c.checks++
	w.at(turn.At, func() { w.weigh(c, w.answer(c)) })
}

// answer is what the partner says.
func (w *planWorld) answer(c *playedCase) Evidence {
	e := Evidence{Source: SourceCheck, Outcome: OutcomePending, Asked: w.now, At: w.now}
	switch since := w.now.Sub(c.SentAt); {
	case since >= c.fate.settles:
		e.Outcome = OutcomeSucceeded
	case c.fate.settles == forever:
		e.Outcome = OutcomeNotFound
	}
	return e
}

// figures are what a policy achieved on lost webhooks.
type figures struct {
	mean, p50, p90, p99 float64 // seconds between settled and known
	checks              float64 // per transaction
	cases               int
}

func figuresOf(cases []*playedCase) (f figures) {
	var delays []float64
	for _, c := range cases {
		f.checks += float64(c.checks) / float64(len(cases))
		if c.lost() {
			delays = append(delays, c.delay().Seconds())
		}
	}
	slices.Sort(delays)
	for _, d := range delays {
		f.mean += d / float64(len(delays))
	}
	at := func(q float64) float64 { return delays[min(int(q*float64(len(delays))), len(delays)-1)] }
	f.p50, f.p90, f.p99, f.cases = at(0.5), at(0.9), at(0.99), len(delays)
	return f
}

// optimum is the outlook of who knows the law, at the prices next to which it makes more checks a transaction than told,
// and no more: found by playing the law with it.
func optimum(law settleLaw, schedule Schedule, checks float64, play func(*Outlook) figures) (more, less *Outlook) {
	var densities [2][2][]float64
	var counts [2]float64
	for n := range densities {
		densities[n] = [2][]float64{make([]float64, cells+1), make([]float64, cells+1)}
	}
	r := rand.New(rand.NewPCG(7, 7))
	const draws = 200_000
	for i := range draws {
		f := law.draw(r, i)
		n := course(f.answered)
		settles := f.settles
		if settles == forever && law.traits.NotFoundFinal > 0 {
			settles = law.traits.NotFoundFinal
		}
		counts[n]++
		densities[n][0][cellOf(settles)]++
		if f.webhook == forever {
			densities[n][1][beyond]++
		} else {
			densities[n][1][cellOf(f.webhook-f.settles)]++
		}
	}
	var problems [2]inspection
	for n := range problems {
		for k := range cells + 1 {
			densities[n][0][k] /= max(counts[n], 1)
			densities[n][1][k] /= max(counts[n], 1)
		}
		problems[n] = inspect(densities[n][0], densities[n][1], schedule.floor())
	}
	at := func(price float64) *Outlook {
		o := &Outlook{}
		for n := range problems {
			p := problems[n].plan(price)
			o.courses[n] = forecast{plan: p, watched: p}
		}
		return o
	}
	low, high := math.Log(0.1), math.Log(1e4)
	for range 14 {
		middle := (low + high) / 2
		if play(at(math.Exp(middle))).checks > checks {
			low = middle
		} else {
			high = middle
		}
	}
	return at(math.Exp(low)), at(math.Exp(high))
}

// over is how many turns end a window that holds more than the budget allows.
func over(turns []time.Time, b Budget) (n int) {
	turns = slices.SortedFunc(slices.Values(turns), time.Time.Compare)
	for i := b.Limit; i < len(turns); i++ {
		if turns[i].Sub(turns[i-b.Limit]) < b.Window {
			n++
		}
	}
	return n
}
