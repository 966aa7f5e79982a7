package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"verdict"
)

// effectsOnce: at most one effect for each use of a key, and so for each transaction (I3).
func (c *inspector) effectsOnce() {
	sent := byKey{}
	for _, a := range c.accesses {
		if a.kind != verdict.Submit {
			continue
		}
		sent.add(a.key, a.id)
		if orderOf(c.known[a.id]) != a.simOrder {
			c.report("I1", []string{a.key, a.id}, "%s was sent %s, which isn't on record", a.partner, a.id)
		}
	}
	for key, ids := range sent {
		for _, use := range c.uses(ids) {
			if n := c.effectsOf(use); n > 1 {
				c.report("I3", append(use, key), "%s had %d effects", key, n)
			}
		}
	}
}

// effectsOf counts what all partners did for some transactions.
func (c *inspector) effectsOf(ids []string) (n int) {
	for o, statuses := range c.effects {
		if slices.Contains(ids, o.id) {
			n += len(statuses)
		}
	}
	return n
}

// sentOnce: of a submit to a partner that would act again, bytes leave once (I3).
func (c *inspector) sentOnce() {
	left := map[simOrder]int{}
	for _, o := range c.departures {
		left[o]++
		if left[o] == 2 && !c.u.partner(o.partner).deduplicates {
			c.report("I3", []string{o.id}, "%s was posted to %s again after bytes may have left", o.id, o.partner)
		}
	}
}

// settledByProof: nothing is settled by a webhook that anybody could have sent, or by a "not found" of a partner to which
// it can be sent again (I4).
func (c *inspector) settledByProof() {
	for _, m := range c.commits {
		if m.evidence == nil || !m.t.Settled() {
			continue
		}
		e, p := m.evidence, c.u.partner(m.t.Provider)
		if e.Source == verdict.SourceWebhook && !p.webhookSettles || e.Outcome == verdict.OutcomeNotFound && p.deduplicates {
			c.report("I4", []string{m.t.ID}, "%s was settled by a %s of %s that says %s, which proves nothing", m.t.ID, e.Source, p.name, e.Outcome)
		}
	}
}

// verdict: it is terminal, or in review (I8), and what the partner did (I4). Where the partner itself has told both, in
// words that settle, it is one of them.
func (c *inspector) verdict(t verdict.Transaction) {
	about := []string{t.ID, t.Key}
	if !t.Settled() {
		if t.Stage != verdict.StageReview {
			c.orphan(t, about)
		}
		return
	}
	effects := c.effects[orderOf(t)]
	if len(effects) == 0 {
		if t.Status != verdict.Failed {
			c.report("I4", about, "%s (%s) %s, but nothing happened at %s", t.ID, t.Key, t.Status, t.Provider)
		}
		return
	}
	told := []verdict.Status{inOurWords(effects[len(effects)-1])}
	for _, w := range c.webhooks {
		if w.simOrder == orderOf(t) && c.u.partner(t.Provider).webhookSettles {
			told = append(told, statusOf(w.body))
		}
	}
	if !slices.Contains(told, t.Status) {
		c.report("I4", about, "%s (%s) is %s, but %s says %v", t.ID, t.Key, t.Status, t.Provider, told)
	}
}

// inOurWords is what the status in a ledger or a webhook means.
func inOurWords(status string) verdict.Status {
	return map[string]verdict.Status{
		"completed": verdict.Succeeded, "declined": verdict.Failed, // djamo, and both ledgers
		"SUCCESSFUL": verdict.Succeeded, "FAILED": verdict.Failed, // momo
	}[status]
}

// statusOf reads what a webhook says.
func statusOf(body []byte) verdict.Status {
	var told struct {
		Status string `json:"status"`
	}
	_ = json.Unmarshal(body, &told)
	return inOurWords(told.Status)
}

// contradictions: evidence against the verdict is marked as such, whenever it came, and no other (I6).
func (c *inspector) contradictions(t verdict.Transaction) {
	for _, e := range c.history[t.ID] {
		decides := e.Outcome == verdict.OutcomeSucceeded || e.Outcome == verdict.OutcomeFailed
		against := t.Settled() && decides && verdict.Status(e.Outcome) != t.Status
		if e.Conflict != against {
			c.report("I6", []string{t.ID, t.Key}, "%s is %s; %s that says %s has conflict %t", t.ID, t.Status, e.Source, e.Outcome, e.Conflict)
		}
	}
}

// webhooksKept: each webhook answered 2xx is evidence on record, raw (I7).
func (c *inspector) webhooksKept() {
	for _, w := range c.webhooks {
		kept := slices.ContainsFunc(c.history[w.id], func(e verdict.Evidence) bool {
			return e.Source == verdict.SourceWebhook && bytes.Equal(e.Raw, w.body)
		})
		if w.status >= 200 && w.status <= 299 && !kept {
			c.report("I7", []string{w.id}, "webhook %s of %s was acknowledged and isn't on record", w.body, w.id)
		}
	}
}
