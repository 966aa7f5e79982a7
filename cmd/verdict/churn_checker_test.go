package main

import (
	"fmt"
	"time"
)

// churnAuditor holds a run against the rules.
type churnAuditor struct {
	churned
	entries map[string]entry
	found   []string
}

// violations says in plain words what is wrong, each with the name of the rule in front: none if all is well.
func (c churned) violations() []string {
	a := &churnAuditor{churned: c, entries: map[string]entry{}}
	for _, e := range c.record {
		a.entries[e.id] = e
	}
	a.nothingLost()
	a.nothingForeign()
	a.sameBytes()
	a.verdictsLast()
	a.inOrder()
	a.confirmedOnce()
	a.asOnRecord()
	a.strangersRefused()
	a.nothingWaits()
	for _, text := range c.complaints {
		a.report("surprise", "%s", text)
	}
	return a.found
}

func (a *churnAuditor) report(rule, format string, args ...any) {
	a.found = append(a.found, rule+": "+fmt.Sprintf(format, args...))
}

// nothingLost: every client was told each verdict that it follows, over whichever connections. Who confirms may miss what
// another of the same user's clients has confirmed.
func (a *churnAuditor) nothingLost() {
	type telling struct {
		client      int
		transaction string
	}
	told, follows, users := map[telling]bool{}, map[int]way{}, map[int]int{}
	for _, h := range a.hearings {
		follows[h.client], users[h.client] = h.way, h.user
		for _, e := range h.events {
			if e.final() {
				told[telling{h.client, e.transaction}] = true
			}
		}
	}
	byUser := map[int][]entry{}
	for _, e := range a.record {
		byUser[e.user] = append(byUser[e.user], e)
	}
	for client, way := range follows {
		for _, e := range byUser[users[client]] {
			excused := way == byTransaction || way == byConfirming && e.confirmed
			if e.settled && !excused && !told[telling{client, e.id}] {
				a.report("lost", "client %d, %s, was not told %d of %s", client, way, e.event, e.id)
			}
		}
	}
	for _, w := range a.wants {
		if e := a.entries[w.transaction]; e.settled && !told[telling(w)] {
			a.report("lost", "client %d waited for %s and was not told %d", w.client, e.id, e.event)
		}
	}
}

// nothingForeign: nobody is told of another's transactions.
func (a *churnAuditor) nothingForeign() {
	for _, h := range a.hearings {
		for _, e := range h.events {
			if r, ok := a.entries[e.transaction]; ok && r.user != h.user {
				a.report("foreign", "user %d was told %d of user %d by %s", h.user, e.id, r.user, h.transport)
			}
		}
	}
}

// sameBytes: the same number comes with the same bytes, whichever way, and a verdict has one number.
func (a *churnAuditor) sameBytes() {
	bytes, numbers := map[int64]string{}, map[string]int64{}
	for _, h := range a.hearings {
		for _, e := range h.events {
			if first, ok := bytes[e.id]; ok && first != e.data {
				a.report("bytes", "%d came as %s and, by %s of %s, as %s", e.id, first, h.transport, h.instance, e.data)
			}
			if first, ok := numbers[e.transaction]; ok && e.final() && first != e.id {
				a.report("bytes", "the verdict of %s came as %d and as %d", e.transaction, first, e.id)
			}
			bytes[e.id] = e.data
			if e.final() {
				numbers[e.transaction] = e.id
			}
		}
	}
}

// verdictsLast: after a verdict a connection is told nothing else of the transaction.
func (a *churnAuditor) verdictsLast() {
	for _, h := range a.hearings {
		final := map[string]bool{}
		for _, e := range h.events {
			if final[e.transaction] && !e.final() {
				a.report("verdict", "client %d was told that %s is pending after its verdict", h.client, e.transaction)
			}
			final[e.transaction] = final[e.transaction] || e.final()
		}
	}
}

// inOrder: a stream of all verdicts has them in the order of their numbers, after the one that it begins at. Before that
// comes what nobody has confirmed, if it was asked for.
func (a *churnAuditor) inOrder() {
	for _, h := range a.hearings {
		if h.way == byTransaction {
			continue
		}
		last := h.begin
		for _, e := range h.events {
			early := h.way == byConfirming && last == h.begin && e.id <= h.begin
			switch {
			case h.begin < 0:
				a.report("order", "client %d was told %d before it was told where its stream begins", h.client, e.id)
			case !e.final():
				a.report("order", "client %d was told %d, which is no verdict, in a stream of verdicts", h.client, e.id)
			case !early && e.id <= last:
				a.report("order", "client %d was told %d after %d, in a stream that begins after %d", h.client, e.id, last, h.begin)
			case !early:
				last = e.id
			}
		}
	}
}

// confirmedOnce: what was confirmed doesn't come again as unconfirmed.
func (a *churnAuditor) confirmedOnce() {
	first := map[string]time.Time{}
	for _, c := range a.confirmations {
		if at, ok := first[c.transaction]; !c.answered.IsZero() && (!ok || c.answered.Before(at)) {
			first[c.transaction] = c.answered
		}
	}
	for _, h := range a.hearings {
		if h.way != byConfirming {
			continue
		}
		for _, e := range h.events {
			if at, ok := first[e.transaction]; ok && e.id <= h.begin && h.asked.After(at) {
				a.report("again", "client %d was told %d, which had been confirmed", h.client, e.id)
			}
		}
	}
}

// asOnRecord: a verdict that was pushed is the one on record, and GET shows it in the same bytes. What was confirmed is so
// on record.
func (a *churnAuditor) asOnRecord() {
	for _, h := range a.hearings {
		for _, e := range h.events {
			switch r, ok := a.entries[e.transaction]; {
			case !ok:
				a.report("record", "%d was told of %s, which is not on record", e.id, e.transaction)
			case e.final() && (!r.settled || r.event != e.id || r.shown != e.data):
				a.report("record", "%d was told as %s; on record it is %d, and shown as %s", e.id, e.data, r.event, r.shown)
			}
		}
	}
	for _, c := range a.confirmations {
		if !c.answered.IsZero() && !a.entries[c.transaction].confirmed {
			a.report("record", "%s was confirmed, and on record it isn't", c.transaction)
		}
	}
}

// strangersRefused: another's transaction doesn't exist for a client.
func (a *churnAuditor) strangersRefused() {
	for _, r := range a.refusals {
		if r.answer != "404" && r.answer != "not_found" {
			a.report("let in", "who asked for another's transaction by %s was answered %s", r.how, r.answer)
		}
	}
}

// nothingWaits: when all is quiet every transaction has its verdict, or is for review.
func (a *churnAuditor) nothingWaits() {
	for _, e := range a.record {
		if e.waits {
			a.report("waits", "%s has no verdict", e.id)
		}
	}
}
