package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

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
			h.posts = append(h.posts, posting{key: "k2", partner: "djamo", content: "{3}", status: 202, id: "t3", state: "pending"})
		}},
		{"I2", "a key has two rows", func(h *history) { h.disk.rows[2].key = "k2" }},
		{"I1", "other content was accepted", func(h *history) { h.posts[2].status, h.posts[2].id, h.posts[2].state = 200, "t1", "succeeded" }},
		{"I1", "it is on record for another partner", func(h *history) { h.posts[8].partner = "djamo" }},
		{"I2", "the same content was refused", func(h *history) { h.posts[2].content = "{1}" }},
		{"I2", "a good request was refused", func(h *history) { h.posts[1].status = 400 }},
		{"I2", "a row has a key that nobody sent", func(h *history) { h.disk.rows[2].key = "k4" }},
		{"I3", "a second effect", func(h *history) { h.effects = append(h.effects, h.effects[0]) }},
		{"I3", "a second post", func(h *history) { h.calls = append(h.calls, h.calls[0]) }},
		{"I3", "a second post after a final silence", func(h *history) { h.calls = append(h.calls, sendAt("t2", 11.8, 0)) }},
		{"I3", "the partner counts a repetition", func(h *history) { h.repeated["djamo"] = 1 }},
		{"I3", "an effect of nothing on record", func(h *history) { h.effects = append(h.effects, effect{ID: "t8", Status: "completed"}) }},
		{"I3", "an effect at the other partner", func(h *history) { h.effects[0].partner = "momo" }},
		{"I3", "a second effect where the same acts once", func(h *history) { h.effects = append(h.effects, h.effects[1]) }},
		{"I3", "sent again without a question", func(h *history) { h.calls[8].transaction = "t3" }},
		{"I3", "sent again although the partner has it", func(h *history) { h.calls[8].status = 200 }},
		{"I3", "sent again on a silence that was not final", func(h *history) { h.calls[8].at = second(2.8) }},
		{"I3", "sent again before the partner was asked", func(h *history) { h.calls[9].at = second(2.9) }},
		{"I3", "sent again on a silence of before it was sent", func(h *history) {
			h.calls[8].at, h.disk.evidence = second(1.2), h.disk.evidence[:11]
		}},
		{"I4", "a success that the partner doesn't know of", func(h *history) { h.effects = nil }},
		{"I4", "a success told before the partner decided", func(h *history) { h.effects[0].At = h.disk.rows[0].settled.Add(1) }},
		{"I4", "a failure that goes through later", func(h *history) {
			h.effects = append(h.effects, effect{ID: "t2", partner: "djamo", Status: "completed", At: h.disk.rows[1].settled.Add(1)})
		}},
		{"I4", "a failure without proof", func(h *history) { h.disk.evidence[3].outcome = "unknown" }},
		{"I4", "a failure on a silence that was not final", func(h *history) { h.disk.evidence[3].asked = h.disk.evidence[2].asked }},
		{"I4", "a success on the word of a webhook that settles nothing", func(h *history) { h.disk.evidence[8].outcome = "pending" }},
		{"I4", "a success that only a webhook tells of that settles nothing", func(h *history) {
			h.effects = slices.Delete(h.effects, 1, 2)
			h.webhooks[4].body, h.disk.evidence[7].raw = h.webhooks[5].body, h.webhooks[5].body
		}},
		{"I4", "a failure after an answer that refused nothing", func(h *history) { h.calls[12].refused = false }},
		{"I4", "a failure on the silence of one that can be asked again", func(h *history) {
			h.calls[12].refused, h.disk.evidence[9].outcome = false, "unknown"
			h.disk.evidence = append(h.disk.evidence, diskEvidence{transaction: "t5", source: "check", outcome: "not_found", asked: second(9)})
		}},
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
		{"I6", "a contradiction of before the verdict is not marked", func(h *history) { h.disk.evidence[5].conflict = false }},
		{"I6", "a mark on what agrees with a later verdict", func(h *history) { h.disk.evidence[7].conflict = true }},
		{"I6", "a mark where there is no verdict", func(h *history) {
			h.disk.evidence = append(h.disk.evidence, diskEvidence{transaction: "t3", source: "webhook", outcome: "failed", conflict: true})
		}},
		{"I6", "a late webhook that settles nothing is not marked", func(h *history) {
			h.disk.evidence = append(h.disk.evidence, diskEvidence{transaction: "t4", source: "webhook", outcome: "failed"})
		}},
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
		{"I12", "more checks than the budget allows", func(h *history) {
			m := h.limits.manners["momo"]
			m.checks = 2
			h.limits.manners["momo"] = m
		}},
		{"I13", "a check before it was due", func(h *history) { h.calls[3].at = h.calls[1].at.Add(time.Second / 2) }},
		{"I13", "a first check before it was due, which no crash excuses", func(h *history) {
			h.limits.interruptions, h.calls[4].at = 1, h.calls[1].at.Add(time.Second/2)
		}},
		{"I13", "checks too close together", func(h *history) { h.calls[4].at = h.calls[3].at.Add(1) }},
		{"I13", "a check before it was due, for which no webhook asked", func(h *history) { h.webhooks = slices.Delete(h.webhooks, 3, 4) }},
		{"I13", "a check before it was due, after a webhook that settles", func(h *history) { h.calls[6].at = second(1.5) }},
		{"I13", "checks after the verdict", func(h *history) { h.calls = append(h.calls, checkAt("t1", 11.5, 200)) }},
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
