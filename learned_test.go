package verdict

import (
	"math"
	"reflect"
	"testing"
	"time"
)

// reply is the partner's, 30 s after sending; an empty one is none.
func reply(o Outcome, raw string) Evidence {
	return Evidence{Source: SourceReply, Outcome: o, Asked: start, At: after(30 * time.Second), Raw: []byte(raw)}
}

// check is made some time after sending, and answered two seconds later.
func check(o Outcome, at time.Duration) Evidence {
	return Evidence{Source: SourceCheck, Outcome: o, Asked: after(at), At: after(at + 2*time.Second)}
}

// webhook comes some time after sending.
func webhook(o Outcome, at time.Duration) Evidence {
	return Evidence{Source: SourceWebhook, Outcome: o, At: after(at)}
}

func TestWhatAChangeTellsOfThePartner(t *testing.T) {
	lost, answered := reply(OutcomeUnknown, ""), reply(OutcomeUnknown, "Timeout")
	for _, test := range []struct {
		name   string
		before []Evidence
		e      Evidence
		want   func(l *Learned) // nil: nothing
	}{
		{"a reply that is the verdict", nil, reply(OutcomeSucceeded, "ok"), nil},
		{"a reply without the verdict", nil, answered, func(l *Learned) { l.Answered.Opened = 1 }},
		{"no reply", nil, lost, func(l *Learned) { l.Unanswered.Opened = 1 }},
		{"a webhook before the reply", nil, webhook(OutcomeSucceeded, 20*time.Second), nil},
		{"a check that finds nothing new", []Evidence{lost}, check(OutcomePending, time.Minute), nil},
		{"the first check finds the verdict", []Evidence{answered}, check(OutcomeFailed, time.Minute), func(l *Learned) {
			l.Answered.Settle.saw(0, time.Minute)
		}},
		{"a later one does", []Evidence{lost, check(OutcomePending, time.Minute)}, check(OutcomeSucceeded, 6*time.Minute), func(l *Learned) {
			l.Unanswered.Settle.saw(time.Minute, 6*time.Minute)
		}},
		{"one after another that failed", []Evidence{lost, check(OutcomeUnknown, time.Minute)}, check(OutcomeSucceeded, 6*time.Minute), func(l *Learned) {
			l.Unanswered.Settle.saw(0, 6*time.Minute)
		}},
		{"a webhook is the verdict", []Evidence{lost, check(OutcomePending, time.Minute)}, webhook(OutcomeSucceeded, 90*time.Second), func(l *Learned) {
			l.Unanswered.Settle.saw(time.Minute, 90*time.Second)
			l.Unanswered.Webhook.saw(0, 30*time.Second)
		}},
		{"it was never carried out", []Evidence{answered}, check(OutcomeNotFound, 6*time.Minute), func(l *Learned) {
			l.Answered.Settle.sawAt(executesTwice.NotFoundFinal)
		}},
		{"no verdict in time", []Evidence{lost, check(OutcomePending, time.Minute)}, check(OutcomePending, 61*time.Minute), func(l *Learned) {
			l.Unanswered.Settle.saw(61*time.Minute, forever)
		}},
		{"a person found it out", []Evidence{lost, check(OutcomePending, 61*time.Minute)}, Evidence{Source: SourceOperator, Outcome: OutcomeFailed, At: after(2 * time.Hour)}, nil},
		{"a webhook that says nothing new in review", []Evidence{lost, check(OutcomePending, 61*time.Minute)}, webhook(OutcomePending, 2*time.Hour), nil},
		{"a check that was under way before review", []Evidence{lost, check(OutcomePending, 61*time.Minute)}, check(OutcomeSucceeded, 61*time.Minute), nil},
		{"a webhook after review", []Evidence{lost, check(OutcomePending, 61*time.Minute)}, webhook(OutcomeSucceeded, 2*time.Hour), nil},
	} {
		before := sent(executesTwice)
		for _, e := range test.before {
			before = before.Weigh(e, executesTwice)
		}
		var want Learned
		if test.want != nil {
			want.At = test.e.At
			test.want(&want)
		}
		next := before.Weigh(test.e, executesTwice)
		if got := sighting(before, next, test.e, executesTwice.Traits); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", test.name, got, want)
		}
	}
}

func TestTheRateIsThatOfTheLastMinutes(t *testing.T) {
	near := func(name string, l Learned, now time.Time, want float64) {
		t.Helper()
		if got := l.Answered.fade(now.Sub(l.At)).rate(); math.Abs(got-want) > 0.02*want {
			t.Errorf("%s: %.3f a second, want %.3f", name, got, want)
		}
	}
	var l Learned
	now := start
	for range 1200 {
		now = now.Add(time.Second)
		l = l.Add(Learned{Answered: Course{Opened: 2}, At: now})
	}
	near("two each second", l, now, 2)
	near("none since", l, now.Add(rateMemory), 2/math.E)
	old := Learned{Answered: Course{Opened: 240}, At: now.Add(-rateMemory)}
	near("from another instance, late", l.Add(old), now, 2+2/math.E)
	near("to another instance, late", old.Add(l), now, 2+2/math.E)
	if l.Unanswered.rate() != 0 {
		t.Errorf("%.3f a second of the other course", l.Unanswered.rate())
	}
}

func TestOnlyTheRateIsOfItsTime(t *testing.T) {
	var l Learned
	l.Unanswered.Settle.saw(time.Second, time.Minute)
	l.Unanswered.Webhook.saw(0, time.Second)
	l.At = start
	month := Learned{At: after(30 * 24 * time.Hour)}
	for name, sum := range map[string]Learned{"then nothing": l.Add(month), "after nothing": month.Add(l)} {
		if sum.Unanswered.Settle.weight() != 1 || sum.Unanswered.Webhook.weight() != 1 || !sum.At.Equal(month.At) {
			t.Errorf("%s: %+v", name, sum)
		}
	}
}

func TestTheVerdictsWhoseWebhooksAreAwaitedAreBounded(t *testing.T) {
	p := &Planner{desks: map[string]*desk{"p": {}}}
	before := sent(executesTwice)
	e := Evidence{Source: SourceCheck, Outcome: OutcomeSucceeded, Asked: after(time.Minute), At: after(time.Minute)}
	for range maxTold + 10 {
		p.Saw(before, before.Weigh(e, executesTwice), e)
	}
	if n := len(p.desks["p"].told); n != maxTold {
		t.Errorf("%d are awaited, want %d at most", n, maxTold)
	}
	before.Provider = "gone"
	p.Saw(before, before.Weigh(e, executesTwice), e) // of which nobody knows anything
}
