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
	sawInFlight     = "a duplicate met its row in flight"
	sawEarlyWebhook = "a webhook beat its reply"
	sawResumed      = "a client resumed after a cut"
	sawRefused      = "a key was refused for its content"
	sawStreamGone   = "the stream's folder was deleted"

	// With each partner, see with.
	sawLostReply     = "the reply of an effect was lost"
	sawContradiction = "a contradiction was recorded"
	sawTakeover      = "a paused instance woke up to work that others had ended"
	sawLostTurn      = "a paused sender found that it had lost its turn"

	// With a partner that deduplicates.
	sawSentAgain = "the same reference was sent again and acted once"
	sawHadIt     = "the partner had it already: 409"
	sawDefinite  = "a request was refused with a code"
	sawPulled    = "a webhook was answered 2xx, and the verdict came by check"
)

// with is a state that was reached with a partner.
func with(state, partner string) string { return state + ", with " + partner }

func newTally() *tally {
	t := &tally{counts: map[string]int{}}
	for _, state := range []string{
		sawInFlight, sawEarlyWebhook, sawResumed, sawRefused, sawStreamGone, sawSentAgain, sawHadIt, sawDefinite, sawPulled,
	} {
		t.counts[state] = 0
	}
	for _, k := range kinds() {
		for _, state := range []string{sawLostReply, sawContradiction, sawTakeover, sawLostTurn} {
			t.counts[with(state, k.name)] = 0
		}
		for _, step := range crashPoints() {
			t.counts[with("a crash before "+step, k.name)], t.counts[with("a crash after "+step, k.name)] = 0, 0
		}
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
	t.countEvidence(h)
	t.countRepeats(h)
}

func (t *tally) countEvidence(h history) {
	rows, effects, webhook, answered := h.byID(), h.effectsOf(), map[string]bool{}, map[string]bool{}
	for _, w := range h.webhooks {
		answered[w.transaction] = answered[w.transaction] || w.status/100 == 2
	}
	for _, e := range h.disk.evidence {
		r := rows[e.transaction]
		if e.conflict {
			t.add(with(sawContradiction, r.partner), 1)
		}
		switch {
		case e.source == "webhook":
			webhook[e.transaction] = true
		case e.source == "reply" && webhook[e.transaction]:
			t.add(sawEarlyWebhook, 1)
		}
		if e.source == "reply" && e.outcome == "unknown" && effects[e.transaction] > 0 {
			t.add(with(sawLostReply, r.partner), 1)
		}
		called := webhook[e.transaction] && answered[e.transaction] && !h.limits.manners[r.partner].webhookSettles
		if called && e.source == "check" && e.outcome == r.status {
			t.add(sawPulled, 1)
		}
	}
}

func (t *tally) countRepeats(h history) {
	effects := h.effectsOf()
	for id, posts := range h.posted() {
		if len(posts) > 1 && effects[id] == 1 {
			t.add(sawSentAgain, 1)
		}
		for _, p := range posts {
			if p.status == 409 {
				t.add(sawHadIt, 1)
			}
			if p.refused {
				t.add(sawDefinite, 1)
			}
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
		say(r.created, "created: %s for %s, %s", r.id, r.partner, r.payload)
		say(r.sent, "sent")
		for _, c := range h.calls {
			if c.transaction == r.id {
				say(c.at, "the partner was called, to submit: %t, and answered %d", c.submit, c.status)
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
