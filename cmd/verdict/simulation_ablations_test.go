package main

import (
	"context"
	"fmt"
	"slices"
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
	ask     func(context.Context, verdict.Transaction, verdict.Budget, time.Time) (verdict.Transaction, verdict.Turn, error)
	claim   func(context.Context, verdict.Lane, time.Time, int) ([]verdict.Command, error)
	settled func(context.Context, *verdict.Audience, int64, int) ([]verdict.Transaction, error)
	release func(context.Context, time.Time, int) (int, error)

	transaction func(context.Context, string) (verdict.Transaction, error)
	enlist      func(context.Context, string, string, int) (int, error)
	claimNotice func(context.Context, string, time.Time, int) ([]verdict.Notice, error)
	replaceNote func(context.Context, verdict.Notice) error
	close       func(context.Context, string, time.Time, string) error
}

func ablate(s verdict.Store) *ablated {
	return &ablated{
		Store: s, create: s.Create, replace: s.Replace, record: s.Record, ask: s.Ask, claim: s.ClaimDue, settled: s.Settled,
		release: s.ReleaseKeys, transaction: s.Transaction, enlist: s.Enlist, claimNotice: s.ClaimNotices, replaceNote: s.ReplaceNotice,
		close: s.CloseEndpoint,
	}
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

func (a *ablated) Ask(ctx context.Context, t verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	return a.ask(ctx, t, b, now)
}

func (a *ablated) ClaimDue(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
	return a.claim(ctx, lane, now, limit)
}

func (a *ablated) Settled(ctx context.Context, to *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	return a.settled(ctx, to, after, limit)
}

func (a *ablated) ReleaseKeys(ctx context.Context, before time.Time, limit int) (int, error) {
	return a.release(ctx, before, limit)
}

func (a *ablated) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	return a.transaction(ctx, id)
}

func (a *ablated) Enlist(ctx context.Context, endpoint, tenant string, limit int) (int, error) {
	return a.enlist(ctx, endpoint, tenant, limit)
}

func (a *ablated) ClaimNotices(ctx context.Context, endpoint string, now time.Time, limit int) ([]verdict.Notice, error) {
	return a.claimNotice(ctx, endpoint, now, limit)
}

func (a *ablated) ReplaceNotice(ctx context.Context, next verdict.Notice) error {
	return a.replaceNote(ctx, next)
}

func (a *ablated) CloseEndpoint(ctx context.Context, name string, until time.Time, reason string) error {
	return a.close(ctx, name, until, reason)
}

// nothingDue is ClaimDue without an outbox.
func nothingDue(context.Context, verdict.Lane, time.Time, int) ([]verdict.Command, error) {
	return nil, nil
}

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

// eachRequest is a store in which each request is a transaction.
func eachRequest(_ *life, a *ablated) {
	var mu sync.Mutex
	n := 0
	a.create = func(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
		mu.Lock()
		n++
		t.Key = fmt.Sprintf("%s twin %d", t.Key, n)
		mu.Unlock()
		return a.Store.Create(ctx, t)
	}
}

func TestSimulationSeesAScopeThatIsNotUnique(t *testing.T) {
	seen(t, storeVariant("each request is a transaction", eachRequest), "I2")
}

func TestSimulationSeesTheEffectOfEachTwin(t *testing.T) {
	seen(t, storeVariant("each request is a transaction", eachRequest), "I3")
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

// trustingBus keeps what the stream has acknowledged.
type trustingBus struct {
	bus
	acknowledged func(verdict.Command)
}

func (b *trustingBus) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	err := b.bus.Publish(ctx, commands, events)
	for _, c := range commands {
		if err == nil {
			b.acknowledged(c)
		}
	}
	return err
}

func TestSimulationSeesAnOutboxThatTakesTheStreamForTheRecord(t *testing.T) {
	var done sync.Map // the commands that left the outbox, in whichever life
	seen(t, variant{name: "done when the stream has it", wrapper: func(_ *life, p parts) parts {
		p.bus = &trustingBus{p.bus, func(c verdict.Command) { done.Store(c, nil) }}
		a := ablate(p.store)
		a.claim = func(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
			due, err := a.Store.ClaimDue(ctx, lane, now, limit)
			return slices.DeleteFunc(due, func(c verdict.Command) bool {
				_, left := done.Load(c)
				return left
			}), err
		}
		p.store = a
		return p
	}}, "I14")
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

// ownBudgets is a store in which each life of an instance has a budget of its own, full at the start.
func ownBudgets(_ *life, a *ablated) {
	var pace verdict.Pace
	var mu sync.Mutex
	a.ask = func(ctx context.Context, t verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
		mu.Lock()
		next, turn, err := pace.Take(b, now)
		pace = next
		mu.Unlock()
		if err != nil {
			return verdict.Transaction{}, verdict.Turn{}, err
		}
		stored, _, err := a.Store.Ask(ctx, t, verdict.Budget{}, now)
		return stored, turn, err
	}
}

func TestSimulationSeesABudgetThatIsFullAtEachRestart(t *testing.T) {
	seen(t, storeVariant("each life has a budget of its own", ownBudgets), "I12")
}

func TestSimulationSeesARefusalThatOnlyItsTransactionObeys(t *testing.T) {
	seen(t, storeVariant("a refusal holds only its transaction", func(_ *life, a *ablated) {
		a.replace = func(ctx context.Context, t verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
			if e != nil && e.Wait > 0 {
				quiet := *e
				quiet.Wait = 0
				stored, err := a.Store.(*simStore).Store.Replace(ctx, t, &quiet)
				if err == nil {
					a.Store.(*simStore).committed(stored, e)
				}
				return stored, err
			}
			return a.Store.Replace(ctx, t, e)
		}
	}), "I13")
}
