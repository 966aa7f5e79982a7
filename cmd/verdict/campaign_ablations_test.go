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
	alter     func(parts) parts
}

func ablations() map[string]ablation {
	return map[string]ablation{
		"an acknowledged commit is lost":        {"I1", onStore(loseCommits)},
		"a key is taken for several":            {"I2", onStore(alterKeys)},
		"what may have been sent is sent again": {"I3", onProvider(sendAgain)},
		"a 504 is taken for a failure":          {"I4", onProvider(failTheUncertain)},
		"a verdict flips":                       {"I5", onStore(flipVerdicts)},
		"contradictions are hushed up":          {"I6", onStore(hushUp)},
		"a webhook is answered and not stored":  {"I7", onStore(dropWebhooks)},
		"commands end when they are published":  {"I8", loseCommands},
		"verdicts are told to nobody":           {"I9", tellNobody},
		"a sender that was paused still sends":  {"I4", onProvider(sendLate)},
		"an event is told in other bytes":       {"I10", onBus(alterEvents)},
		"a check doesn't wait until it is due":  {"I13", onStore(checkEarly)},
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
	p.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
		a, err := p.Provider.Submit(ctx, s)
		if errors.Is(err, verdict.ErrUncertain) {
			s.Deadline = time.Now().Add(time.Second)
			return p.Provider.Submit(ctx, s)
		}
		return a, err
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
		s.claimDue = func(context.Context, time.Time, int) ([]verdict.Command, error) { return nil, nil }
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

func checkEarly(s *alteredStore) {
	s.claimDue = func(ctx context.Context, now time.Time, limit int) ([]verdict.Command, error) {
		return s.Store.ClaimDue(ctx, now.Add(900*time.Millisecond), limit)
	}
}

// TestTheCheckerSeesEachAblation runs gateways that are broken on purpose, each in its own way, and as many apps with
// each as the checker needs to see it. One that is whole must pass among them.
func TestTheCheckerSeesEachAblation(t *testing.T) {
	t.Parallel()
	runs := map[string]func(*testing.T){"nothing is broken": func(t *testing.T) {
		if found := violationsOf(t, crashVariable+"=never:1"); len(found) > 0 {
			t.Errorf("found:\n%s", strings.Join(found, "\n"))
		}
	}}
	for name, broken := range ablations() {
		runs[name] = func(t *testing.T) { broken.mustBeSeen(t, name) }
	}
	const late = "a sender that was paused still sends"
	runs[late] = func(t *testing.T) {
		h, lost := pauseBeforeSending(t, ablationVariable+"="+late)
		t.Logf("%d senders should have found that they had lost their turn", lost)
		ablations()[late].mustBeAmong(t, h.violations())
	}
	together(t, 6, runs)
}

func (b ablation) mustBeSeen(t *testing.T, name string) {
	b.mustBeAmong(t, violationsOf(t, ablationVariable+"="+name))
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

// violationsOf runs an altered gateway with four apps for each misfortune.
func violationsOf(t *testing.T, alter string) []string {
	s := newScene(t)
	g := s.newInstance("a")
	g.start(alter)
	stop := s.load(50*time.Millisecond, g)
	s.sleep(time.Duration(4*len(misfortunes)) * 50 * time.Millisecond)
	stop()
	return s.settle().violations()
}
