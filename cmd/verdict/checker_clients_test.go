package main

import "strconv"

// oneVerdict: a transaction has one verdict, whoever is asked, and is not pending again after it (I5).
func (a *auditor) oneVerdict() {
	known := a.verdictKnown()
	heard := func(id, status, who string) {
		if r := a.rows[id]; status != "pending" && r.status != status {
			a.report("I5", "%s was told that %s is %s, and on record it is %s", who, id, status, r.status)
		}
	}
	for _, p := range a.posts {
		if p.status/100 != 2 {
			continue
		}
		heard(p.id, p.state, "who posted")
		if at, ok := known[p.id]; ok && p.state == "pending" && p.sent.After(at) {
			a.report("I5", "%s was answered as pending after its verdict was known", p.id)
		}
	}
	for _, s := range a.tellings {
		for i, e := range s.events {
			heard(s.transaction, e.view.Status, "a subscriber")
			if i > 0 && s.events[i-1].view.Status != "pending" {
				a.report("I5", "a subscriber was told more of %s after its verdict: %s", s.transaction, e.data)
			}
		}
	}
}

// nothingLeftOver: every transaction is settled or for review, and no work is left without one that needs it (I8).
func (a *auditor) nothingLeftOver() {
	for _, r := range a.disk.rows {
		if r.stage != "settled" && r.stage != "review" {
			a.report("I8", "%s is still %s", r.id, r.stage)
		}
		if (r.stage == "settled") != (r.status != "pending") {
			a.report("I8", "%s is %s and %s", r.id, r.stage, r.status)
		}
	}
	for _, id := range a.disk.outbox {
		if r, known := a.rows[id]; !known || r.stage == "settled" || r.stage == "review" {
			a.report("I8", "work is left for %s, which needs none", id)
		}
	}
}

// everybodyInformed: whoever subscribed to a transaction that has its verdict was told (I9).
func (a *auditor) everybodyInformed() {
	for _, s := range a.tellings {
		r, known := a.rows[s.transaction]
		n := len(s.events)
		if known && r.stage == "settled" && (n == 0 || s.events[n-1].view.Status == "pending") {
			a.report("I9", "a subscriber at %s was never told the verdict of %s, in %d connections", s.server, r.id, s.connections)
		}
	}
}

// sameEverywhere: an event has the same bytes wherever it is told, its number is the database's, and numbers grow (I10).
func (a *auditor) sameEverywhere() {
	data := map[string]string{}
	for _, s := range a.tellings {
		last := int64(0)
		for _, e := range s.events {
			id, err := strconv.ParseInt(e.id, 10, 64)
			if err != nil || id < last {
				a.report("I10", "a subscriber to %s was told event %q after %d", s.transaction, e.id, last)
			}
			last = id
			if e.view.ID != s.transaction {
				a.report("I10", "a subscriber to %s was told of %s", s.transaction, e.view.ID)
			}
			if first, told := data[e.id]; told && first != e.data {
				a.report("I10", "event %s came as %s and as %s", e.id, first, e.data)
			}
			data[e.id] = e.data
			if r := a.rows[s.transaction]; e.view.Status != "pending" && r.event != id {
				a.report("I10", "the verdict of %s was told as event %d, and on record it is %d", s.transaction, id, r.event)
			}
		}
	}
}
