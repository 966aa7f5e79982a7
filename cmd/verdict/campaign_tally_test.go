package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tally counts the states that a campaign is about. One that was never reached proves nothing.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

// The states that every campaign must have reached. The runs add those that are their own.
const (
	sawInFlight      = "a duplicate met its row in flight"
	sawEarlyWebhook  = "a webhook beat its reply"
	sawLostReply     = "the reply of an effect was lost"
	sawContradiction = "a contradiction was recorded"
	sawResumed       = "a client resumed after a cut"
	sawRefused       = "a key was refused for its content"
	sawTakeover      = "a paused instance woke up to work that others had ended"
	sawLostTurn      = "a paused sender found that it had lost its turn"
	sawStreamGone    = "the stream's folder was deleted"
)

func newTally() *tally {
	t := &tally{counts: map[string]int{}}
	for _, state := range []string{
		sawInFlight, sawEarlyWebhook, sawLostReply, sawContradiction, sawResumed, sawRefused, sawTakeover, sawLostTurn, sawStreamGone,
	} {
		t.counts[state] = 0
	}
	for _, step := range crashPoints() {
		t.counts["a crash before "+step], t.counts["a crash after "+step] = 0, 0
	}
	return t
}

func (t *tally) add(state string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[state] += n
}

// count adds what a history shows.
func (t *tally) count(h history) {
	for _, p := range h.posts {
		if p.replayed && p.state == "pending" {
			t.add(sawInFlight, 1)
		}
		if p.status == 422 {
			t.add(sawRefused, 1)
		}
	}
	for _, s := range h.tellings {
		if s.resumed {
			t.add(sawResumed, 1)
		}
	}
	effects := map[string]bool{}
	for _, e := range h.effects {
		effects[e.ID] = true
	}
	webhook := map[string]bool{}
	for _, e := range h.disk.evidence {
		switch {
		case e.conflict:
			t.add(sawContradiction, 1)
		case e.source == "webhook":
			webhook[e.transaction] = true
		case e.source == "reply" && webhook[e.transaction]:
			t.add(sawEarlyWebhook, 1)
		}
		if e.source == "reply" && e.outcome == "unknown" && effects[e.transaction] {
			t.add(sawLostReply, 1)
		}
	}
}

// demand prints the counts and fails for each that is zero.
func (t *tally) demand(test *testing.T) {
	for _, state := range slices.Sorted(maps.Keys(t.counts)) {
		test.Logf("%5d times %s", t.counts[state], state)
		if t.counts[state] == 0 {
			test.Errorf("never reached: %s", state)
		}
	}
}

// verdicts counts the transactions on record by status.
func (h history) verdicts() map[string]int {
	n := map[string]int{}
	for _, r := range h.disk.rows {
		n[r.status]++
	}
	return n
}

// trail tells all that is known of the transactions that a violation names.
func (h history) trail(violation string) string {
	var text strings.Builder
	say := func(at time.Time, format string, args ...any) {
		fmt.Fprintf(&text, "    %s "+format+"\n", append([]any{at.Format("15:04:05.000")}, args...)...)
	}
	for _, r := range h.disk.rows {
		if !strings.Contains(violation, r.id) {
			continue
		}
		say(r.created, "created: %s %s", r.id, r.payload)
		say(r.sent, "sent")
		for _, c := range h.calls {
			if c.transaction == r.id {
				say(c.at, "the partner was called, to submit: %t", c.submit)
			}
		}
		for _, e := range h.effects {
			if e.ID == r.id {
				say(e.At, "effect: %s", e.Status)
			}
		}
		for _, w := range h.webhooks {
			if w.transaction == r.id {
				say(time.Time{}, "webhook, answered %d: %s", w.status, w.body)
			}
		}
		for _, e := range h.disk.evidence {
			if e.transaction == r.id {
				say(e.at, "evidence: %s says %s, conflict %t", e.source, e.outcome, e.conflict)
			}
		}
		say(r.settled, "%s, %s", r.stage, r.status)
	}
	return text.String()
}
