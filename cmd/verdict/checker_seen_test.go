package main

import (
	"strings"
	"testing"
	"time"
)

// clean returns the history of three transactions that went as they should: t1 succeeded by its reply, and a webhook
// contradicted it later; t2 was never received; t3 is for review.
func clean() history {
	at := func(s float64) time.Time { return time.Unix(1000, 0).Add(time.Duration(s * float64(time.Second))) }
	tell := func(id, event, status string, s float64) told {
		return told{at: at(s), id: event, data: id + status, view: view{ID: id, Status: status}}
	}
	return history{
		limits: limits{firstCheck: time.Second, notFoundFinal: 10 * time.Second},
		posts: []posting{
			{key: "k1", content: "{1}", sent: at(0), answered: at(0.1), status: 202, id: "t1", state: "pending"},
			{key: "k1", content: "{1}", sent: at(0), status: 0},
			{key: "k1", content: "{}", sent: at(1), answered: at(1.1), status: 422},
			{key: "k1", content: "{1}", sent: at(3), answered: at(3.1), status: 200, id: "t1", state: "succeeded", replayed: true},
			{key: "k2", content: "{2}", sent: at(0), answered: at(0.1), status: 202, id: "t2", state: "pending"},
			{key: "k3", content: "{3}", sent: at(0), answered: at(0.1), status: 202, id: "t3", state: "pending"},
		},
		tellings: []telling{
			{transaction: "t1", connections: 1, events: []told{tell("t1", "2", "pending", 1), tell("t1", "5", "succeeded", 2)}},
			{transaction: "t1", connections: 1, events: []told{tell("t1", "5", "succeeded", 20)}},
			{transaction: "t2", connections: 2, events: []told{tell("t2", "3", "pending", 1), tell("t2", "7", "failed", 13)}},
		},
		webhooks: []hooking{{"t1", `{"status":"declined"}`, 200}, {"t1", "lost", 0}, {"t9", "early", 200}},
		calls: []calling{
			{at(1), true, "t1"}, {at(1), true, "t2"}, {at(1), true, "t3"},
			{at(2), false, "t2"}, {at(4), false, "t2"}, {at(11.5), false, "t2"}, {at(2.5), false, "t1"},
		},
		effects: []effect{{ID: "t1", Status: "completed", At: at(1.5)}},
		disk: onDisk{
			rows: []diskRow{
				{id: "t1", key: "k1", payload: "{1}", status: "succeeded", stage: "settled", event: 5, sent: at(1), settled: at(1.9)},
				{id: "t2", key: "k2", payload: "{2}", status: "failed", stage: "settled", event: 7, sent: at(1), settled: at(12)},
				{id: "t3", key: "k3", payload: "{3}", status: "pending", stage: "review", event: 6, sent: at(1)},
			},
			evidence: []diskEvidence{
				{transaction: "t1", source: "reply", outcome: "succeeded", asked: at(1), at: at(1.9)},
				{transaction: "t1", source: "webhook", outcome: "failed", conflict: true, raw: `{"status":"declined"}`},
				{transaction: "t2", source: "check", outcome: "not_found", asked: at(2)},
				{transaction: "t2", source: "check", outcome: "not_found", asked: at(11.4)},
			},
			parked: []hooking{{transaction: "t9", body: "early"}},
		},
	}
}

func TestTheCheckerIsContentWithWhatIsRight(t *testing.T) {
	if found := clean().violations(); len(found) > 0 {
		t.Errorf("found:\n%s", strings.Join(found, "\n"))
	}
}

// TestTheCheckerSeesEachViolation spoils a clean history in one place, and wants what that breaks to be found, and
// nothing else.
func TestTheCheckerSeesEachViolation(t *testing.T) {
	tests := []struct {
		invariants string // that it breaks
		name       string
		spoil      func(h *history)
	}{
		{"I1", "an acknowledged transaction is not on record", func(h *history) { h.posts[4].id = "t8" }},
		{"I1", "another payload is on record", func(h *history) { h.disk.rows[1].payload = "{}" }},
		{"I2", "a key was answered with two ids", func(h *history) {
			h.posts = append(h.posts, posting{key: "k2", content: "{3}", status: 202, id: "t3", state: "pending"})
		}},
		{"I2", "a key has two rows", func(h *history) { h.disk.rows[2].key = "k2" }},
		{"I1", "other content was accepted", func(h *history) { h.posts[2].status, h.posts[2].id, h.posts[2].state = 200, "t1", "succeeded" }},
		{"I2", "the same content was refused", func(h *history) { h.posts[2].content = "{1}" }},
		{"I2", "a good request was refused", func(h *history) { h.posts[1].status = 400 }},
		{"I2", "a row has a key that nobody sent", func(h *history) { h.disk.rows[2].key = "k4" }},
		{"I3", "a second effect", func(h *history) { h.effects = append(h.effects, h.effects[0]) }},
		{"I3", "a second post", func(h *history) { h.calls = append(h.calls, h.calls[0]) }},
		{"I3", "the partner counts a repetition", func(h *history) { h.repeated = 1 }},
		{"I3", "an effect of nothing on record", func(h *history) { h.effects = append(h.effects, effect{ID: "t8", Status: "completed"}) }},
		{"I4", "a success that the partner doesn't know of", func(h *history) { h.effects = nil }},
		{"I4", "a success told before the partner decided", func(h *history) { h.effects[0].At = h.disk.rows[0].settled.Add(1) }},
		{"I4", "a failure that goes through later", func(h *history) {
			h.effects = append(h.effects, effect{ID: "t2", Status: "completed", At: h.disk.rows[1].settled.Add(1)})
		}},
		{"I4", "a failure without proof", func(h *history) { h.disk.evidence[3].outcome = "unknown" }},
		{"I4", "a failure on a silence that was not final", func(h *history) { h.disk.evidence[3].asked = h.disk.evidence[2].asked }},
		{"I5", "a subscriber was told the other verdict", func(h *history) { h.tellings[1].events[0].view.Status = "failed" }},
		{"I5", "a post was answered with the other verdict", func(h *history) { h.posts[3].state = "failed" }},
		{"I5", "pending again after the verdict", func(h *history) { h.posts[3].state = "pending" }},
		{"I5", "a verdict is told and not on record", func(h *history) { h.posts[5].state = "failed" }},
		{"I5", "an event after the verdict", func(h *history) {
			more := h.tellings[0].events[1]
			h.tellings[0].events = append(h.tellings[0].events, more)
		}},
		{"I6", "a contradiction that is not marked", func(h *history) { h.disk.evidence[1].conflict = false }},
		{"I6", "a mark without a contradiction", func(h *history) { h.disk.evidence[0].conflict = true }},
		{"I7", "a webhook is not on record", func(h *history) { h.webhooks = append(h.webhooks, hooking{"t2", "x", 200}) }},
		{"I7", "a webhook is on record in other bytes", func(h *history) { h.disk.evidence[1].raw += " " }},
		{"I7", "a parked webhook is not on record", func(h *history) { h.disk.parked = nil }},
		{"I7", "a webhook waits for what is there", func(h *history) { h.disk.parked = append(h.disk.parked, hooking{transaction: "t2"}) }},
		{"I8", "a transaction waits for ever", func(h *history) { h.disk.rows[2].stage = "waiting" }},
		{"I8", "settled without a verdict", func(h *history) { h.disk.rows[2].stage = "settled" }},
		{"I8", "work without a transaction", func(h *history) { h.disk.outbox = []string{"t8"} }},
		{"I8", "work for a verdict", func(h *history) { h.disk.outbox = []string{"t1"} }},
		{"I9", "a subscriber heard nothing", func(h *history) { h.tellings[1].events = nil }},
		{"I9", "a subscriber heard no verdict", func(h *history) { h.tellings[2].events = h.tellings[2].events[:1] }},
		{"I10", "an event in other bytes", func(h *history) { h.tellings[1].events[0].data += " " }},
		{"I10", "a verdict under another number", func(h *history) { h.disk.rows[1].event = 8 }},
		{"I10", "numbers that fall", func(h *history) { h.tellings[0].events[0].id = "6" }},
		{"I10", "an event of another transaction", func(h *history) { h.tellings[0].events[0].view.ID = "t2" }},
		{"I13", "a check before it was due", func(h *history) { h.calls[3].at = h.calls[1].at.Add(time.Second / 2) }},
		{"I13", "checks too close together", func(h *history) { h.calls[4].at = h.calls[3].at.Add(1) }},
		{"I13", "checks after the verdict", func(h *history) { h.calls = append(h.calls, calling{h.calls[5].at, false, "t1"}) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := clean()
			test.spoil(&h)
			found := h.violations()
			if len(found) == 0 {
				t.Fatal("not seen")
			}
			for _, v := range found {
				if !strings.HasPrefix(v, test.invariants+": ") {
					t.Errorf("found: %s", v)
				}
			}
		})
	}
}
