package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

// ablationSeeds bounds how many universes an ablation has to be seen in.
const ablationSeeds = 40

// seen runs universes with a fault built in until the checker reports one of the invariants.
func seen(t *testing.T, v variant, invariants ...string) {
	t.Helper()
	t.Parallel()
	for seed := range uint64(ablationSeeds) {
		_, found := simulate(t, seed+1, v, newSimTally())
		for _, f := range found {
			for _, invariant := range invariants {
				if f.invariant == invariant {
					t.Logf("seed %d: %s", seed+1, f)
					return
				}
			}
		}
	}
	t.Errorf("%s: not seen in %d universes", v.name, ablationSeeds)
}

// ablated is a store in which some methods are replaced.
type ablated struct {
	verdict.Store
	create  func(context.Context, verdict.Transaction) (verdict.Transaction, bool, error)
	replace func(context.Context, verdict.Transaction, *verdict.Evidence) (verdict.Transaction, error)
	record  func(context.Context, string, verdict.Evidence) error
	claim   func(context.Context, time.Time, int) ([]verdict.Command, error)
	settled func(context.Context, *verdict.Audience, int64, int) ([]verdict.Transaction, error)
}

func ablate(s verdict.Store) *ablated {
	return &ablated{Store: s, create: s.Create, replace: s.Replace, record: s.Record, claim: s.ClaimDue, settled: s.Settled}
}

func (a *ablated) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	return a.create(ctx, t)
}

func (a *ablated) Replace(ctx context.Context, t verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	return a.replace(ctx, t, e)
}

func (a *ablated) Record(ctx context.Context, id string, e verdict.Evidence) error {
	return a.record(ctx, id, e)
}

func (a *ablated) ClaimDue(ctx context.Context, now time.Time, limit int) ([]verdict.Command, error) {
	return a.claim(ctx, now, limit)
}

func (a *ablated) Settled(ctx context.Context, to *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	return a.settled(ctx, to, after, limit)
}

// nothingDue is ClaimDue without an outbox.
func nothingDue(context.Context, time.Time, int) ([]verdict.Command, error) { return nil, nil }

// storeVariant changes the store alone.
func storeVariant(name string, change func(l *life, a *ablated)) variant {
	return variant{name: name, wrapper: func(l *life, p parts) parts {
		a := ablate(p.store)
		change(l, a)
		p.store = a
		return p
	}}
}

func TestSimulationSeesAnAcknowledgementBeforeTheCommit(t *testing.T) {
	seen(t, storeVariant("acknowledged first", func(l *life, a *ablated) {
		a.create = func(ctx context.Context, n verdict.Transaction) (verdict.Transaction, bool, error) {
			if t, err := a.Find(ctx, n.Scope); err == nil {
				return t, false, nil
			}
			n.ID = l.u.newID("early " + n.Key)
			n.Reference = n.ID
			l.late.Go(func() {
				if l.reach(context.Background(), 3*time.Second) == nil {
					_, _, _ = a.Store.(*simStore).Store.Create(context.Background(), n)
				}
			})
			return n, true, nil
		}
	}), "I1")
}

func TestSimulationSeesAScopeThatIsNotUnique(t *testing.T) {
	seen(t, storeVariant("each request is a transaction", func(_ *life, a *ablated) {
		var mu sync.Mutex
		n := 0
		a.create = func(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
			mu.Lock()
			n++
			key := t.Key
			t.Key = fmt.Sprintf("%s twin %d", key, n)
			mu.Unlock()
			return a.Store.Create(ctx, t)
		}
	}), "I2")
}

// ablatedProvider is an adapter whose Submit is replaced.
type ablatedProvider struct {
	verdict.Provider
	submit func(context.Context, verdict.Submission) (verdict.Answer, error)
}

func (p *ablatedProvider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	return p.submit(ctx, s)
}

func providerVariant(name string, change func(p *ablatedProvider)) variant {
	return variant{name: name, wrapper: func(_ *life, ports parts) parts {
		changed := map[string]verdict.Provider{}
		for name, p := range ports.providers {
			a := &ablatedProvider{Provider: p, submit: p.Submit}
			change(a)
			changed[name] = a
		}
		ports.providers = changed
		return ports
	}}
}

func TestSimulationSeesASubmitSentAgainAfterSilence(t *testing.T) {
	seen(t, providerVariant("sent again", func(p *ablatedProvider) {
		p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
			a, err := p.Provider.Submit(ctx, s)
			if errors.Is(err, verdict.ErrUncertain) {
				s.Deadline = time.Now().Add(verdict.MarkerTTL)
				return p.Provider.Submit(ctx, s)
			}
			return a, err
		}
	}), "I3")
}

func TestSimulationSeesSilenceTakenForFailure(t *testing.T) {
	seen(t, providerVariant("a 504 is a failure", func(p *ablatedProvider) {
		p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
			a, err := p.Provider.Submit(ctx, s)
			if errors.Is(err, verdict.ErrUncertain) {
				return verdict.Answer{Outcome: verdict.OutcomeFailed, Reason: "timeout"}, nil
			}
			return a, err
		}
	}), "I4")
}

func TestSimulationSeesAVerdictThatFlips(t *testing.T) {
	seen(t, storeVariant("the last word counts", func(_ *life, a *ablated) {
		a.record = func(ctx context.Context, id string, e verdict.Evidence) error {
			t, err := a.Transaction(ctx, id)
			if err == nil && e.Conflict {
				t.Version++
				t.Status = verdict.Status(e.Outcome)
				e.Conflict = false
				_, err = a.Store.Replace(ctx, t, &e)
				return err
			}
			return a.Store.Record(ctx, id, e)
		}
	}), "I5")
}

func TestSimulationSeesAContradictionThatIsNotKept(t *testing.T) {
	seen(t, storeVariant("contradictions pass for evidence", func(_ *life, a *ablated) {
		a.record = func(ctx context.Context, id string, e verdict.Evidence) error {
			e.Conflict = false
			return a.Store.Record(ctx, id, e)
		}
	}), "I6")
}

func TestSimulationSeesAWebhookAcknowledgedAndNotKept(t *testing.T) {
	seen(t, storeVariant("webhooks aren't kept", func(_ *life, a *ablated) {
		a.record = func(ctx context.Context, id string, e verdict.Evidence) error {
			if e.Source == verdict.SourceWebhook {
				return nil
			}
			return a.Store.Record(ctx, id, e)
		}
	}), "I7")
}

func TestSimulationSeesCommandsThatAreLost(t *testing.T) {
	seen(t, storeVariant("no sweeper", func(_ *life, a *ablated) { a.claim = nothingDue }), "I8")
}

func TestSimulationSeesAHubThatDoesNotCompare(t *testing.T) {
	seen(t, storeVariant("no comparison", func(_ *life, a *ablated) {
		a.settled = func(ctx context.Context, to *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
			if to == nil {
				return nil, nil
			}
			return a.Store.Settled(ctx, to, after, limit)
		}
	}), "I9")
}

// ablatedBus changes what the hub hears.
type ablatedBus struct {
	bus
	change func(verdict.Event) verdict.Event
}

func (b *ablatedBus) Follow(ctx context.Context, deliver func(verdict.Event)) error {
	return b.bus.Follow(ctx, func(e verdict.Event) { deliver(b.change(e)) })
}

func busVariant(name string, change func(*universe, verdict.Event) verdict.Event) variant {
	return variant{name: name, wrapper: func(l *life, p parts) parts {
		p.bus = &ablatedBus{p.bus, func(e verdict.Event) verdict.Event { return change(l.u, e) }}
		return p
	}}
}

func TestSimulationSeesTheSameEventInOtherBytes(t *testing.T) {
	seen(t, busVariant("events are written anew", func(_ *universe, e verdict.Event) verdict.Event {
		e.Data = []byte(strings.Replace(string(e.Data), "{", "{ ", 1))
		return e
	}), "I10")
}

func TestSimulationSeesAnEventForTheWrongSubscriber(t *testing.T) {
	seen(t, busVariant("events go to whoever waits", func(u *universe, e verdict.Event) verdict.Event {
		u.evidence.mu.Lock()
		defer u.evidence.mu.Unlock()
		for _, s := range u.evidence.listeners {
			if s.id != "" && !s.done() {
				e.Transaction = s.id
			}
		}
		return e
	}), "I11")
}

func TestSimulationSeesChecksAtOnceAfterEachOther(t *testing.T) {
	seen(t, storeVariant("no pauses between checks", func(_ *life, a *ablated) {
		a.replace = func(ctx context.Context, t verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
			if e != nil && e.Source == verdict.SourceCheck && t.Stage == verdict.StageWaiting {
				t.Due = time.Now()
			}
			return a.Store.Replace(ctx, t, e)
		}
	}), "I13")
}
