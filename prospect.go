package verdict

import (
	"math"
	"time"
)

// Prospect is what operators see of a partner: how often it may be asked, whether it refuses, what is expected of it, and
// when it is asked accordingly. It is as of the planner's last look at the store.
type Prospect struct {
	Provider string
	Mode     Mode

	Told    Budget    // by the adapter, or by who configured it
	Kept    Budget    // the one kept to now
	Found   Budget    // what refusals have taught; the zero Budget: nothing
	FoundAt time.Time // when

	Circuit  Circuit
	Until    time.Time // how long the circuit is open, or a probe may be out; zero if neither
	Refusals int       // ever
	Checks   int       // turns given in the last hour
	Used     float64   // the share of the budget kept to that is used: see Pace.used

	LeastPrice    time.Duration // of a check; 0 unless planned: see Outlook
	Price         time.Duration // the same now
	SettlesWithin time.Duration // most verdicts stand so long after sending, by the partner's word; 0: it says nothing

	Unanswered Expectation
	Answered   Expectation
}

// Mode is how the times between the schedule's checks are chosen.
type Mode string

// The modes.
const (
	ModePlanned Mode = "planned" // by what was learned
	ModePinned  Mode = "pinned"  // by who configured them
	ModeBackoff Mode = "backoff" // there are none: the schedule alone
)

// Circuit says whether checks are let through to a partner.
type Circuit string

// The states of a circuit.
const (
	CircuitClosed   Circuit = "closed"    // as the budget has it
	CircuitOpen     Circuit = "open"      // none, since a refusal
	CircuitHalfOpen Circuit = "half-open" // one at a time, until one is answered
)

// Expectation is what is expected of one course, and when its transactions are asked about.
type Expectation struct {
	Seen     float64       // sightings of settle times that it rests on, the old ones counting less
	Webhooks float64       // sightings of webhooks or of their absence, likewise
	Rate     float64       // transactions a second, lately
	Lost     float64       // the share of webhooks that never come
	Late     float64       // the share of verdicts that don't stand by the last check
	Settle   []Portion     // of the verdicts, by when they stand; portions below minPortion are passed over
	Begins   time.Duration // when it is known that the reply brings no verdict, from sending: see begins
	Plan     Asks
	Watched  Asks // of a transaction that somebody is watching
}

// Portion is the share of verdicts that come to stand in a span of time from sending.
type Portion struct {
	After, By time.Duration
	Share     float64
}

// minPortion is the smallest portion that is told.
const minPortion = 1e-4

// Prospects returns what is to be seen of each provider, in the order of their names.
func (p *Planner) Prospects(now time.Time) []Prospect {
	var all []Prospect
	for _, name := range p.names() {
		one, _ := p.Prospect(name, now)
		all = append(all, one)
	}
	return all
}

// Prospect returns what is to be seen of a provider, and false if there is none of that name.
func (p *Planner) Prospect(provider string, now time.Time) (Prospect, bool) {
	partner, policy, ok := p.known(provider)
	if !ok {
		return Prospect{}, false
	}
	seen := newProspect(partner, policy, now)
	seen.Provider = provider
	switch {
	case len(p.asking.Pinned[provider]) > 0:
		seen.Mode = ModePinned
	case p.asking.Price == 0:
		seen.Mode = ModeBackoff
	default:
		seen.Mode, seen.LeastPrice = ModePlanned, p.asking.Price
	}
	return seen, true
}

// known is what is known of a provider as of the last look, and by what its transactions are decided. Neither is changed
// any more: others take their places.
func (p *Planner) known(provider string) (Partner, Policy, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.desks[provider]
	if !ok {
		return Partner{}, Policy{}, false
	}
	return d.partner, d.policy, true
}

func newProspect(partner Partner, policy Policy, now time.Time) Prospect {
	pace := partner.Pace
	seen := Prospect{
		Told: policy.Budget, Kept: pace.Budget(policy.Budget, now), Found: pace.Found, FoundAt: pace.FoundAt,
		Refusals: pace.Refusals, Checks: int(math.Round(pace.Checks.within(maxRecent, now))),
		SettlesWithin: policy.SettlesWithin,
		Unanswered:    newExpectation(partner.Learned, policy, false, now),
		Answered:      newExpectation(partner.Learned, policy, true, now),
	}
	seen.Used = pace.used(seen.Kept, now)
	seen.Circuit, seen.Until = pace.circuit(now)
	if policy.Outlook != nil {
		seen.Price = policy.Outlook.Price
	}
	return seen
}

// used is the share of a budget that turns have used in its window, or in the last hour if that is shorter; 0 if there is
// no limit.
func (p Pace) used(b Budget, now time.Time) float64 {
	if b.unlimited() {
		return 0
	}
	while := min(b.Window, maxRecent)
	return p.Checks.within(while, now) / (float64(b.Limit) * while.Seconds() / b.Window.Seconds())
}

// circuit is the state of the circuit, and how long it is open or a probe may be out.
func (p Pace) circuit(now time.Time) (Circuit, time.Time) {
	switch {
	case !p.Probing:
		return CircuitClosed, time.Time{}
	case now.Before(p.Closed):
		return CircuitOpen, p.Closed
	case now.Before(p.Probe):
		return CircuitHalfOpen, p.Probe
	}
	return CircuitHalfOpen, time.Time{}
}

func newExpectation(l Learned, policy Policy, answered bool, now time.Time) Expectation {
	c := l.course(answered)
	settle, webhook := c.Settle.density(settlePrior(policy.Traits)), c.Webhook.density(webhookPrior())
	e := Expectation{
		Seen: c.Settle.weight(), Webhooks: c.Webhook.weight(), Rate: c.fade(now.Sub(l.At)).rate(), Lost: webhook[beyond],
		Settle: portions(settle), Begins: policy.begins(answered),
	}
	floor := policy.Schedule.floor()
	for _, share := range settle[min(cellOf(floor[len(floor)-1]), cells-1)+1:] {
		e.Late += share
	}
	var plan, watched *Plan
	if policy.Outlook != nil {
		f := policy.Outlook.courses[course(answered)]
		plan, watched = f.plan, f.watched
	}
	e.Plan = plan.asks(e.Begins, floor, settle, webhook)
	e.Watched = watched.asks(e.Begins, floor, settle, webhook)
	return e
}

// begins is when it is known that a reply brings no verdict: at the latest when it isn't awaited any more, and that is
// so of most that don't come at all. Of those that come we don't know when they do; it may be at once.
func (p Policy) begins(answered bool) time.Duration {
	if answered {
		return 0
	}
	return p.SubmitTimeout + inFlight
}

// portions are the cells of a density that carry something.
func portions(density []float64) (list []Portion) {
	after := time.Duration(0)
	for k, share := range density[:beyond] {
		if share >= minPortion {
			list = append(list, Portion{after, cellEnd(k), share})
		}
		after = cellEnd(k)
	}
	return list
}
