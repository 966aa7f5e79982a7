package main

import (
	"encoding/json"
	"slices"
	"time"
)

// noInventedOutcome: each verdict was the partner's before it was ours, or the partner provably received nothing (I4).
func (a *auditor) noInventedOutcome() {
	verdicts := a.partnersVerdicts()
	for _, r := range a.disk.rows {
		of := verdicts[r.id]
		switch {
		case r.status == "pending" || of[r.status]:
		case r.status == "succeeded":
			a.report("I4", "%s succeeded, and the partner had not said so", r.id)
		case of["succeeded"]:
			a.report("I4", "%s failed, and went through at the partner", r.id)
		case !a.neverReceived(r):
			a.report("I4", "%s failed without a word or a final silence of the partner", r.id)
		}
	}
	for _, e := range a.effects { // also those that came after our verdict
		if r := a.rows[e.ID]; r.status == "failed" && e.Status == "completed" && !verdicts[e.ID]["failed"] {
			a.report("I4", "%s failed, and the partner carried it out", e.ID)
		}
	}
}

// toldByWhatSettles: where webhooks settle nothing, each verdict is the word of a reply or a check, or the partner was
// never called (I4).
func (a *auditor) toldByWhatSettles() {
	told := map[string]bool{}
	for _, e := range a.disk.evidence {
		if e.source != "webhook" && e.outcome == a.rows[e.transaction].status {
			told[e.transaction] = true
		}
	}
	for _, r := range a.disk.rows {
		if r.status != "pending" && !told[r.id] && !a.manner(r.id).webhookSettles && !a.neverReceived(r) {
			a.report("I4", "%s %s, which neither a reply nor a check says", r.id, r.status)
		}
	}
}

// partnersVerdicts returns what the partner decided before our verdict, what it refused, and what it told by webhook if
// that settles. One that got no answer counts as well: it may have arrived.
func (a *auditor) partnersVerdicts() map[string]map[string]bool {
	verdicts := map[string]map[string]bool{}
	add := func(id, status string) {
		if verdicts[id] == nil {
			verdicts[id] = map[string]bool{}
		}
		verdicts[id][status] = true
	}
	for _, e := range a.effects {
		if r := a.rows[e.ID]; !e.At.After(r.settled) {
			add(e.ID, map[string]string{"completed": "succeeded", "declined": "failed"}[e.Status])
		}
	}
	for _, c := range a.calls {
		if c.refused {
			add(c.transaction, "failed")
		}
	}
	for _, w := range a.webhooks {
		if a.manner(w.transaction).webhookSettles {
			add(w.transaction, said(w.body)) // a partner that contradicts itself may be believed either way
		}
	}
	return verdicts
}

// said is a status in the words of the gateway, "" if the partner's are not understood.
func said(body string) string {
	var o struct{ Status string }
	if json.Unmarshal([]byte(body), &o) != nil {
		return ""
	}
	return map[string]string{"completed": "succeeded", "declined": "failed"}[o.Status]
}

// neverReceived reports whether the partner got nothing, or said so after the time in which it could change its mind. One
// that deduplicates is sent it again then.
func (a *auditor) neverReceived(r diskRow) bool {
	m := a.manner(r.id)
	for _, e := range a.disk.evidence {
		final := e.outcome == "not_found" && e.asked.Sub(r.sent) >= m.notFoundFinal
		if e.transaction == r.id && e.source == "check" && final && !m.deduplicates {
			return true
		}
	}
	for _, c := range a.calls {
		if c.transaction == r.id && c.submit {
			return false
		}
	}
	return true
}

// contradictionsShown: evidence against the verdict is marked as such, whenever it came, and nothing else is (I6).
func (a *auditor) contradictionsShown() {
	for _, e := range a.disk.evidence {
		r := a.rows[e.transaction]
		decides := e.outcome == "succeeded" || e.outcome == "failed"
		against := decides && r.status != "pending" && e.outcome != r.status
		if against && !e.conflict {
			a.report("I6", "%s is %s, and the %s that says %s is not marked as a contradiction", r.id, r.status, e.source, e.outcome)
		}
		if e.conflict && !against {
			a.report("I6", "%s is %s, and a %s that says %s counts as a contradiction", r.id, r.status, e.source, e.outcome)
		}
	}
}

// webhooksKept: a webhook that was answered 2xx is on disk as it came, and none waits for a transaction that is there (I7).
func (a *auditor) webhooksKept() {
	kept := map[hooking]bool{}
	for _, e := range a.disk.evidence {
		if e.source == "webhook" {
			kept[hooking{transaction: e.transaction, body: e.raw}] = true
		}
	}
	for _, p := range a.disk.parked {
		kept[hooking{transaction: p.transaction, body: p.body}] = true
		if _, known := a.rows[p.transaction]; known {
			a.report("I7", "a webhook still waits for %s, which is there", p.transaction)
		}
	}
	for _, w := range a.webhooks {
		if w.status/100 == 2 && !kept[hooking{transaction: w.transaction, body: w.body}] {
			a.report("I7", "a webhook for %s was answered %d and is not on record: %s", w.transaction, w.status, w.body)
		}
	}
}

// checksInTime: no check before it is due, and none after the verdict but one in flight (I13). A webhook that settles
// nothing makes one due.
func (a *auditor) checksInTime() {
	verdict := a.verdictKnown()
	called := map[string]int{} // by a partner whose webhooks settle nothing
	for _, w := range a.webhooks {
		if !a.manner(w.transaction).webhookSettles {
			called[w.transaction]++
		}
	}
	checks := map[string][]time.Time{}
	for _, c := range a.calls {
		if !c.submit && c.at.After(a.rows[c.transaction].sent) { // earlier ones are of an earlier attempt to send
			checks[c.transaction] = append(checks[c.transaction], c.at)
		}
	}
	for id, at := range checks {
		slices.SortFunc(at, time.Time.Compare)
		r := a.rows[id]
		early, late := 0, 0
		before := r.sent
		for i, t := range at {
			switch due, more := a.nextCheck(before.Sub(r.sent)); {
			case more && t.Sub(r.sent) >= due:
			case i == 0 && called[id] == 0:
				a.report("I13", "%s was checked %s after it was sent", id, t.Sub(r.sent))
			default:
				early++
			}
			before = t
			if known, ok := verdict[id]; ok && t.After(known) {
				late++
			}
		}
		if early > a.limits.interruptions+called[id] {
			a.report("I13", "%s was checked %d times before it was due", id, early)
		}
		if late > 1 {
			a.report("I13", "%s was checked %d times after its verdict", id, late)
		}
	}
}

// nextCheck is when the schedule has the next check after a time, counted from sending.
func (a *auditor) nextCheck(after time.Duration) (at time.Duration, more bool) {
	for _, at := range a.limits.schedule {
		if at > after {
			return at, true
		}
	}
	return 0, false
}

// checksInBudget: in every window a partner is asked no more often than its budget allows (I12).
func (a *auditor) checksInBudget() {
	at := map[string][]time.Time{}
	for _, c := range a.calls {
		if r, known := a.rows[c.transaction]; known && !c.submit {
			at[r.partner] = append(at[r.partner], c.at)
		}
	}
	for partner, times := range at {
		slices.SortFunc(times, time.Time.Compare)
		m := a.limits.manners[partner]
		for i := m.checks; i < len(times); i++ {
			if d := times[i].Sub(times[i-m.checks]); d < m.window {
				a.report("I12", "%s was asked %d times within %s", partner, m.checks+1, d)
			}
		}
	}
}

// verdictKnown returns when the first client knew the verdict of each transaction.
func (a *auditor) verdictKnown() map[string]time.Time {
	known := map[string]time.Time{}
	note := func(id, status string, at time.Time) {
		if first, ok := known[id]; status != "pending" && status != "" && (!ok || at.Before(first)) {
			known[id] = at
		}
	}
	for _, p := range a.posts {
		note(p.id, p.state, p.answered)
	}
	for _, s := range a.tellings {
		for _, e := range s.events {
			note(s.transaction, e.view.Status, e.at)
		}
	}
	return known
}
