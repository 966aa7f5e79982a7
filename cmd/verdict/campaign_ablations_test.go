package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
)

// An ablation is a way to break the gateway that the checker must notice.
type ablation struct {
	invariant string // that it breaks
	partner   string // of all apps
	alter     func(parts) parts
}

func ablations() map[string]ablation {
	return map[string]ablation{
		"an acknowledged commit is lost":         {"I1", "djamo", onStore(loseCommits)},
		"a key is taken for several":             {"I2", "djamo", onStore(alterKeys)},
		"what may have been sent is sent again":  {"I3", "djamo", onProvider(sendAgain)},
		"it is sent again without a question":    {"I3", "momo", onProvider(sendAgain)},
		"it is sent again after a first silence": {"I3", "momo", onProvider(hurry)},
		"it is sent again as something else":     {"I3", "momo", onProvider(sendAsAnother)},
		"a 504 is taken for a failure":           {"I4", "djamo", onProvider(failTheUncertain)},
		"a 500 is taken for a failure":           {"I4", "momo", onProvider(failTheUncertain)},
		"a webhook is believed":                  {"I4", "momo", onProvider(believeWebhooks)},
		"a verdict flips":                        {"I5", "djamo", onStore(flipVerdicts)},
		"contradictions are hushed up":           {"I6", "djamo", onStore(hushUp)},
		"a webhook is answered and not stored":   {"I7", "djamo", onStore(dropWebhooks)},
		"commands end when they are published":   {"I8", "djamo", loseCommands},
		"verdicts are told to nobody":            {"I9", "djamo", tellNobody},
		"a sender that was paused still sends":   {"I4", "djamo", onProvider(sendLate)},
		"an event is told in other bytes":        {"I10", "djamo", onBus(alterEvents)},
		"checks don't wait for their turns":      {"I12", "djamo", onStore(askWithoutTurn)},
		"a check doesn't wait until it is due":   {"I13", "djamo", onStore(checkEarly)},
	}
}

func onStore(alter func(*alteredStore)) func(parts) parts {
	return func(p parts) parts {
		s := newAlteredStore(p.store)
		alter(s)
		p.store = s
		return p
	}
}

func onBus(alter func(*alteredBus)) func(parts) parts {
	return func(p parts) parts {
		b := newAlteredBus(p.bus)
		alter(b)
		p.bus = b
		return p
	}
}

func onProvider(alter func(*alteredProvider)) func(parts) parts {
	return func(p parts) parts {
		altered := map[string]verdict.Provider{}
		for name, inner := range p.providers {
			a := newAlteredProvider(inner)
			alter(a)
			altered[name] = a
		}
		p.providers = altered
		return p
	}
}

func loseCommits(s *alteredStore) {
	var n atomic.Int64
	s.create = func(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
		if n.Add(1)%3 == 0 {
			return t, true, nil
		}
		return s.Store.Create(ctx, t)
	}
}

func alterKeys(s *alteredStore) {
	var n atomic.Int64
	s.create = func(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
		t.Key = fmt.Sprintf("%s %d", t.Key, n.Add(1))
		return s.Store.Create(ctx, t)
	}
}

func sendAgain(p *alteredProvider) {
	sendUncertainAgain(p, func(reference string) string { return reference })
}

func sendAsAnother(p *alteredProvider) { sendUncertainAgain(p, func(string) string { return newID() }) }

// sendUncertainAgain sends what may have been sent again at once, under what becomes of its reference.
func sendUncertainAgain(p *alteredProvider, become func(reference string) string) {
	p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
		a, err := p.Provider.Submit(ctx, s)
		if errors.Is(err, verdict.ErrUncertain) {
			s.Reference, s.Deadline = become(s.Reference), time.Now().Add(time.Second)
			return p.Provider.Submit(ctx, s)
		}
		return a, err
	}
}

// hurry takes the first "not found" for final, long before it is.
func hurry(p *alteredProvider) {
	p.traits = func() verdict.Traits {
		traits := p.Provider.Traits()
		traits.NotFoundFinal = time.Millisecond
		return traits
	}
}

func believeWebhooks(p *alteredProvider) {
	p.traits = func() verdict.Traits {
		traits := p.Provider.Traits()
		traits.WebhookSettles = true
		return traits
	}
}

// sendLate is seen only if somebody concluded from the partner's silence before.
func sendLate(p *alteredProvider) {
	p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
		s.Deadline = time.Now().Add(time.Second)
		return p.Provider.Submit(context.WithoutCancel(ctx), s)
	}
}

func failTheUncertain(p *alteredProvider) {
	p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
		a, err := p.Provider.Submit(ctx, s)
		if errors.Is(err, verdict.ErrUncertain) {
			a.Outcome = verdict.OutcomeFailed
			return a, nil
		}
		return a, err
	}
}

func flipVerdicts(s *alteredStore) {
	s.record = func(ctx context.Context, id string, e verdict.Evidence) error {
		t, err := s.Store.Transaction(ctx, id)
		if err != nil || !e.Conflict {
			return errors.Join(err, s.Store.Record(ctx, id, e))
		}
		t.Status = verdict.Status(e.Outcome)
		t.Version++
		_, err = s.Store.Replace(ctx, t, &e)
		return err
	}
}

func hushUp(s *alteredStore) {
	s.record = func(ctx context.Context, id string, e verdict.Evidence) error {
		e.Conflict = false
		return s.Store.Record(ctx, id, e)
	}
}

func dropWebhooks(s *alteredStore) {
	s.record = func(ctx context.Context, id string, e verdict.Evidence) error {
		if e.Source == verdict.SourceWebhook {
			return nil
		}
		return s.Store.Record(ctx, id, e)
	}
}

// loseCommands has a stream that loses commands, as it may, and a sweeper that doesn't find them any more.
func loseCommands(p parts) parts {
	var n atomic.Int64
	p = onBus(func(b *alteredBus) {
		b.publish = func(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
			if n.Add(1)%3 == 0 {
				commands = nil
			}
			return b.bus.Publish(ctx, commands, events)
		}
	})(p)
	return onStore(func(s *alteredStore) {
		s.claimDue = func(context.Context, verdict.Lane, time.Time, int) ([]verdict.Command, error) { return nil, nil }
	})(p)
}

// tellNobody has a stream that loses verdicts, as it may, and a hub that doesn't find them in the record.
func tellNobody(p parts) parts {
	p = onBus(func(b *alteredBus) { b.deliver = func(verdict.Event, func(verdict.Event)) {} })(p)
	return onStore(func(s *alteredStore) {
		s.settled = func(context.Context, *verdict.Audience, int64, int) ([]verdict.Transaction, error) { return nil, nil }
	})(p)
}

func alterEvents(b *alteredBus) {
	b.deliver = func(e verdict.Event, deliver func(verdict.Event)) {
		e.Data = bytes.Replace(e.Data, []byte(`{`), []byte(`{"mood":"calm",`), 1)
		deliver(e)
	}
}

func askWithoutTurn(s *alteredStore) {
	s.ask = func(ctx context.Context, next verdict.Transaction, _ verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
		return s.Store.Ask(ctx, next, verdict.Budget{}, now)
	}
}

func checkEarly(s *alteredStore) {
	s.claimDue = func(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
		return s.Store.ClaimDue(ctx, lane, now.Add(900*time.Millisecond), limit)
	}
}

// TestTheCheckerSeesEachAblation runs gateways that are broken on purpose, each in its own way, and as many apps with
// each as the checker needs to see it. One that is whole must pass among them.
func TestTheCheckerSeesEachAblation(t *testing.T) {
	t.Parallel()
	campaign(t)
	runs := map[string]func(*testing.T){"nothing is broken": func(t *testing.T) {
		if found := violationsOf(t, orders(), crashVariable+"=never:1"); len(found) > 0 {
			t.Errorf("found:\n%s", strings.Join(found, "\n"))
		}
	}}
	for name, broken := range ablations() {
		runs[name] = func(t *testing.T) { broken.mustBeSeen(t, name) }
	}
	const late = "a sender that was paused still sends"
	runs[late] = func(t *testing.T) {
		h, lost := pauseBeforeSending(t, ablations()[late].partner, ablationVariable+"="+late)
		t.Logf("%d senders should have found that they had lost their turn", lost)
		ablations()[late].mustBeAmong(t, h.violations())
	}
	const hasty = "checks don't wait for their turns"
	runs[hasty] = func(t *testing.T) {
		ablations()[hasty].mustBeAmong(t, hastyViolations(t, ablationVariable+"="+hasty))
	}
	together(t, 8, runs)
}

func (b ablation) mustBeSeen(t *testing.T, name string) {
	b.mustBeAmong(t, violationsOf(t, ordersOf(b.partner), ablationVariable+"="+name))
}

func (b ablation) mustBeAmong(t *testing.T, found []string) {
	for _, v := range found {
		if strings.HasPrefix(v, b.invariant+": ") {
			t.Logf("%d violations, for one %s", len(found), v)
			return
		}
	}
	t.Errorf("no violation of %s among:\n%s", b.invariant, strings.Join(found, "\n"))
}

// violationsOf runs an altered gateway with four apps for each order.
func violationsOf(t *testing.T, all []order, alter string) []string {
	s := newScene(t)
	s.orders = all
	return s.violations(alter)
}

// hastyViolations runs an altered gateway whose partners may be asked so seldom that checks have to wait.
func hastyViolations(t *testing.T, alter string) []string {
	s := newScene(t)
	s.orders = ordersOf("djamo")
	for _, p := range s.partners {
		p.manner.checks = 10
		s.limits.manners[p.name] = p.manner
	}
	return s.violations(alter)
}

func (s *scene) violations(alter string) []string {
	g := s.newInstance("a")
	g.start(alter)
	stop := s.load(50*time.Millisecond, g)
	s.sleep(time.Duration(4*len(s.orders)) * 50 * time.Millisecond)
	stop()
	return s.settle().violations()
}
