package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// verdictPushed is the verdict of a transaction as cleanChurn has it.
func verdictPushed(id int64, s float64) pushed {
	transaction := fmt.Sprintf("t%d", id)
	return pushed{at: second(s), id: id, data: transaction + " succeeded", transaction: transaction, status: "succeeded", settled: second(s)}
}

func pendingPushed(id, transaction int64, s float64) pushed {
	return pushed{at: second(s), id: id, data: fmt.Sprintf("t%d pending", transaction), transaction: fmt.Sprintf("t%d", transaction), status: "pending"}
}

// cleanChurn returns a run that went as it should: of user 1, whose verdicts are 4 and 6, client 1 goes by position over
// two connections, client 2 confirms 4 on its first and is told 6 by its third as well, and client 3 waits for 6. User 2,
// whose verdict is 5, has client 4. The transaction 9 of user 2 is still for review.
func cleanChurn() churned {
	return churned{
		hearings: []hearing{
			{client: 1, user: 1, way: byPosition, instance: "a", transport: "sse", begin: 0, asked: second(0), opened: second(0), ended: second(5), end: "rst",
				events: []pushed{verdictPushed(4, 4)}},
			{client: 1, user: 1, way: byPosition, instance: "b", transport: "sse", begin: 4, asked: second(7), opened: second(7), ended: second(20), end: "eof",
				events: []pushed{verdictPushed(6, 6)}},
			{client: 2, user: 1, way: byConfirming, instance: "b", transport: "ws", begin: 2, asked: second(0), opened: second(0), ended: second(5), end: "rst",
				events: []pushed{verdictPushed(4, 4)}},
			{client: 2, user: 1, way: byConfirming, instance: "a", transport: "ws", begin: 5, asked: second(6), opened: second(6), ended: second(7), end: "1012",
				events: []pushed{verdictPushed(6, 6)}},
			{client: 2, user: 1, way: byConfirming, instance: "b", transport: "ws", begin: 7, asked: second(8), opened: second(8), ended: second(20), end: "eof",
				events: []pushed{verdictPushed(6, 8)}},
			{client: 3, user: 1, way: byTransaction, instance: "a", transport: "ws", begin: -1, asked: second(1), opened: second(1), ended: second(20), end: "eof",
				events: []pushed{pendingPushed(3, 6, 1), verdictPushed(6, 6)}},
			{client: 4, user: 2, way: byPosition, instance: "a", transport: "ws", begin: 0, asked: second(0), opened: second(0), ended: second(20), end: "eof",
				events: []pushed{verdictPushed(5, 5)}},
		},
		wants:         []want{{3, "t6"}},
		confirmations: []confirmation{{1, "t4", second(4.5)}, {user: 1, transaction: "t6"}},
		refusals:      []refused{{"sse", "404"}, {"ws", "not_found"}},
		record: []entry{
			{id: "t4", user: 1, event: 4, settled: true, confirmed: true, shown: "t4 succeeded"},
			{id: "t5", user: 2, event: 5, settled: true, shown: "t5 succeeded"},
			{id: "t6", user: 1, event: 6, settled: true, shown: "t6 succeeded"},
			{id: "t9", user: 2, event: 9, shown: "t9 pending"},
		},
	}
}

func TestTheChurnCheckerIsContentWithWhatIsRight(t *testing.T) {
	if found := cleanChurn().violations(); len(found) > 0 {
		t.Errorf("found:\n%s", strings.Join(found, "\n"))
	}
}

// TestTheChurnCheckerSeesEachViolation spoils a clean run in one place, and wants what that breaks to be found, and
// nothing else.
func TestTheChurnCheckerSeesEachViolation(t *testing.T) {
	for _, test := range []struct {
		rules string // that it breaks, with commas: the first always, the others as well
		name  string
		spoil func(c *churned)
	}{
		{"lost", "an event is lost after a position", func(c *churned) { c.hearings[1].events = nil }},
		{"lost", "an event is lost before anybody confirmed it", func(c *churned) { c.hearings[3].events, c.hearings[4].events = nil, nil }},
		{"lost", "a transaction's verdict is lost", func(c *churned) { c.hearings[5].events = c.hearings[5].events[:1] }},
		{"lost", "a user hears nothing", func(c *churned) { c.hearings[6].events = nil }},
		{"foreign", "an event of another user", func(c *churned) {
			c.hearings[1].events = slices.Insert(c.hearings[1].events, 0, verdictPushed(5, 7))
		}},
		{"foreign", "another's pending transaction", func(c *churned) {
			c.hearings[5].events = append(c.hearings[5].events, pendingPushed(9, 9, 9))
		}},
		{"bytes,record", "an event in other bytes", func(c *churned) { c.hearings[4].events[0].data += " " }},
		{"bytes", "a pending event in other bytes", func(c *churned) {
			e := pendingPushed(3, 6, 2)
			e.data += " "
			c.hearings[5].events = slices.Insert(c.hearings[5].events, 1, e)
		}},
		{"bytes,record", "a verdict under two numbers", func(c *churned) { c.hearings[4].events[0].id = 7 }},
		{"verdict", "pending after the verdict", func(c *churned) { slices.Reverse(c.hearings[5].events) }},
		{"order", "the order is broken", func(c *churned) {
			c.hearings[0].events = []pushed{verdictPushed(6, 4), verdictPushed(4, 4)}
		}},
		{"order", "a verdict comes twice", func(c *churned) { c.hearings[1].events = append(c.hearings[1].events, verdictPushed(6, 9)) }},
		{"order", "what was there already comes again", func(c *churned) {
			c.hearings[1].events = slices.Insert(c.hearings[1].events, 0, verdictPushed(4, 7))
		}},
		{"order", "what is unconfirmed comes late", func(c *churned) {
			c.hearings[3].begin, c.hearings[3].asked = 4, second(4.2)
			c.hearings[3].events = append(c.hearings[3].events, verdictPushed(4, 7))
		}},
		{"order", "a stream doesn't say where it begins", func(c *churned) { c.hearings[6].begin = -1 }},
		{"order", "a pending transaction in a stream of verdicts", func(c *churned) {
			c.hearings[0].events = slices.Insert(c.hearings[0].events, 0, pendingPushed(3, 6, 1))
		}},
		{"again", "a confirmed one is sent again", func(c *churned) {
			c.hearings[4].events = slices.Insert(c.hearings[4].events, 0, verdictPushed(4, 8))
		}},
		{"record", "GET shows it in other bytes", func(c *churned) { c.record[0].shown += " " }},
		{"record", "it has another number on record", func(c *churned) { c.record[1].event = 8 }},
		{"record", "a verdict of what has none on record", func(c *churned) { c.record[1].settled = false }},
		{"record", "an event of nothing on record", func(c *churned) { c.record = c.record[:3]; c.record[2].id = "t7"; c.record[2].settled = false }},
		{"record", "a confirmation is not on record", func(c *churned) { c.record[0].confirmed = false }},
		{"let in", "a stranger is let in", func(c *churned) { c.refusals[0].answer = "200" }},
		{"let in", "a stranger learns that it is there", func(c *churned) { c.refusals[1].answer = "unauthenticated" }},
		{"waits", "a transaction has no verdict in the end", func(c *churned) { c.record[3].waits = true }},
		{"surprise", "an answer that nobody should have got", func(c *churned) { c.complaints = []string{"500"} }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := cleanChurn()
			test.spoil(&c)
			found := c.violations()
			rules := strings.Split(test.rules, ",")
			if !slices.ContainsFunc(found, func(v string) bool { return strings.HasPrefix(v, rules[0]+": ") }) {
				t.Fatalf("not seen among: %v", found)
			}
			for _, v := range found {
				if rule, _, _ := strings.Cut(v, ": "); !slices.Contains(rules, rule) {
					t.Errorf("found: %s", v)
				}
			}
		})
	}
}

func TestTheStatesOfAChurnAreCounted(t *testing.T) {
	want := map[string]int{
		sawGap: 1, sawInstances: 2, sawTransports: 2, sawReset: 2, sawAbandoned: 0, sawFrozen: 0, sawSentAway: 1, sawToldToRetry: 0,
		sawCompared: 1, sawUnconfirmed: 1, sawNotFound: 2,
	}
	got := cleanChurn().sometimes(second(5.5), second(6.5))
	for state, n := range want {
		if got[state] != n {
			t.Errorf("%d times %s, want %d", got[state], state, n)
		}
	}
}
