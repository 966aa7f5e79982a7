package verdict

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Planner knows, for each provider, by what its transactions are decided: its traits, the schedule, and the outlook that
// follows from what all instances have seen. It gathers what this instance sees. It is safe for concurrent use.
type Planner struct {
	store     Store
	providers map[string]Provider
	schedule  Schedule
	asking    Asking

	mu    sync.Mutex // guards what follows
	desks map[string]*desk
}

// Asking says when to ask between the schedule's checks.
type Asking struct {
	Price  time.Duration              // of a check at the least: see Outlook; 0: by the schedule alone
	Pinned map[string][]time.Duration // by provider, when to ask in place of what a planner would choose, from sending
}

// desk is what the planner keeps of a provider.
type desk struct {
	partner Partner       // as of the last look
	policy  Policy        // for the transactions of now
	planned time.Time     // when the outlook was made
	learned time.Time     // when the last of what it rests on was learned
	seen    Learned       // since handed
	handed  time.Time     // when what was seen went to the store
	told    []told        // verdicts whose webhooks we still wait for, oldest first
	behind  time.Duration // see Behind; as of the last look
}

// told is a verdict that a check brought, whose webhook may still come.
type told struct {
	transaction string
	after, upTo time.Time // the verdict stood between these
}

const (
	// planFor is how long an outlook is used at the most.
	planFor = 10 * time.Second

	// learnEvery is how often at the most what was seen goes to the store, where it is part of a commit that others share.
	learnEvery = 2 * time.Second

	// webhookPatience is how long after a verdict a webhook is waited for before it counts as lost.
	webhookPatience = 10 * time.Minute

	// behindRank is how many submits may wait longer than Behind says: those that were in the hands of an instance that died
	// wait for its Lease to end, and say nothing of the load.
	behindRank = 256

	// maxTold bounds the verdicts whose webhooks are waited for; of more a part is forgotten.
	maxTold = 1024
)

// NewPlanner returns a planner that has not looked at the store yet.
func NewPlanner(s Store, providers map[string]Provider, schedule Schedule, asking Asking) *Planner {
	p := &Planner{store: s, providers: providers, schedule: schedule, asking: asking, desks: map[string]*desk{}}
	for name, provider := range providers {
		d := &desk{policy: Policy{Traits: provider.Traits(), Schedule: schedule}}
		if times := asking.Pinned[name]; len(times) > 0 {
			d.policy.Outlook = Pinned(times)
		}
		p.desks[name] = d
	}
	return p
}

// Policy is what decides about the provider's transactions now.
func (p *Planner) Policy(provider string) Policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.desks[provider].policy
}

// Pace is how the provider's checks stood at the last look.
func (p *Planner) Pace(provider string) Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.desks[provider].partner.Pace
}

// Behind is for how long, at the last look, submits of the provider that are due have been waiting to be sent: all but
// 256 of them for no longer. While the provider has us stay away it is 0: that they wait then is not for too much work.
func (p *Planner) Behind(provider string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.desks[provider].behind
}

// names are the providers in order.
func (p *Planner) names() []string { return slices.Sorted(maps.Keys(p.providers)) }

// Look hands what this instance has seen to the store, takes what all have seen, and plans by it.
func (p *Planner) Look(ctx context.Context, now time.Time) error {
	for _, name := range p.names() {
		if err := p.look(ctx, name, now); err != nil {
			return fmt.Errorf("plan for %s: %w", name, err)
		}
	}
	return nil
}

func (p *Planner) look(ctx context.Context, name string, now time.Time) error {
	if err := p.awaitWebhooks(ctx, name, now); err != nil {
		return err
	}
	if seen := p.takeSeen(name, now); !seen.At.IsZero() {
		if err := p.store.Learn(ctx, name, seen); err != nil {
			return err // what was seen may be lost: it is only experience
		}
	}
	partner, err := p.store.Partner(ctx, name)
	if err != nil {
		return err
	}
	since, err := p.store.DueSince(ctx, Lane{name, Submit}, behindRank)
	if err != nil {
		return err
	}
	p.late(name, partner, since, now)
	p.plan(name, partner, now)
	return nil
}

// late takes since when submits are due.
func (p *Planner) late(name string, partner Partner, since, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.desks[name]
	d.behind = 0
	if !since.IsZero() && !partner.Pace.Submits.After(now) {
		d.behind = max(now.Sub(since), 0)
	}
}

// takeSeen takes what was seen since it was last handed to the store, if that is long enough ago.
func (p *Planner) takeSeen(name string, now time.Time) (seen Learned) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.desks[name]
	if now.Sub(d.handed) < learnEvery {
		return Learned{}
	}
	seen, d.seen, d.handed = d.seen, Learned{}, now
	return seen
}

// plan takes what is known of a partner, and plans anew if it is time: if more was learned since, or if checks cost more
// than they need to, which passes when there are fewer. That takes a while, in which others go by the old
// plan.
func (p *Planner) plan(name string, partner Partner, now time.Time) {
	p.mu.Lock()
	d := p.desks[name]
	limited := !partner.Pace.FoundAt.Equal(d.partner.Pace.FoundAt)
	same := d.policy.Outlook != nil && partner.Learned.At.Equal(d.learned) && d.policy.Outlook.Price == p.asking.Price
	d.partner = partner
	stands := p.asking.Price == 0 || len(p.asking.Pinned[name]) > 0 || (same || now.Sub(d.planned) < planFor) && !limited
	traits := d.policy.Traits
	p.mu.Unlock()
	if stands {
		return
	}
	budget := partner.Pace.Budget(traits.Budget, now)
	o := NewOutlook(traits, p.schedule.floor(), partner.Learned, budget, p.asking.Price, now)
	p.mu.Lock()
	d.policy.Outlook, d.planned, d.learned = o, now, partner.Learned.At
	p.mu.Unlock()
}

// Saw takes what a change tells of the partner's ways.
func (p *Planner) Saw(before, next Transaction, e Evidence) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, ok := p.desks[next.Provider]
	if !ok {
		return
	}
	if seen := sighting(before, next, e, d.policy.Traits); !seen.At.IsZero() {
		d.seen = d.seen.Add(seen)
	}
	if next.Settled() && e.Source == SourceCheck && len(d.told) < maxTold {
		d.told = append(d.told, told{next.ID, later(next.CheckedAt, next.SentAt), e.Asked})
	}
}

// awaitWebhooks sees what became of the webhooks of verdicts that are old enough.
func (p *Planner) awaitWebhooks(ctx context.Context, name string, now time.Time) error {
	for {
		v, ok := p.oldest(name, now.Add(-webhookPatience))
		if !ok {
			return nil
		}
		history, err := p.store.History(ctx, v.transaction)
		if err != nil {
			return err
		}
		t, err := p.store.Transaction(ctx, v.transaction)
		if err != nil {
			return err
		}
		seen := Learned{At: now}
		v.webhook(seen.course(t.Answered), history)
		p.mu.Lock()
		d := p.desks[name]
		d.seen = d.seen.Add(seen)
		p.mu.Unlock()
	}
}

// oldest takes the first verdict that is older than a time, if there is one.
func (p *Planner) oldest(name string, before time.Time) (v told, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d := p.desks[name]
	if len(d.told) == 0 || !d.told[0].upTo.Before(before) {
		return told{}, false
	}
	v, d.told = d.told[0], d.told[1:]
	return v, true
}

// webhook sees when the webhook of a verdict came, if it did.
func (v told) webhook(c *Course, history []Evidence) {
	for _, e := range history {
		if e.Source == SourceWebhook && e.decides() {
			c.Webhook.saw(max(e.At.Sub(v.upTo), 0), e.At.Sub(v.after))
			return
		}
	}
	c.Webhook.saw(webhookPatience, forever)
}
