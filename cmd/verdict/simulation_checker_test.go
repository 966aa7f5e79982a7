package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"verdict"
)

// violation is an invariant that doesn't hold, and the words by which its history is found.
type violation struct {
	invariant string
	about     []string
	text      string
}

func (v violation) String() string { return v.invariant + ": " + v.text }

// inspector compares what was seen at the edges of a universe with the record it left: the apps' logs, the subscribers',
// the partner's ledger and its logs of access and webhooks, and the log of commits. It knows nothing of the gateway.
type inspector struct {
	*observations
	u       *universe
	effects map[string][]string // the statuses in the partner's ledger, by id
	known   map[string]verdict.Transaction
	history map[string][]verdict.Evidence
	found   []violation
}

func (c *inspector) report(invariant string, about []string, format string, v ...any) {
	c.found = append(c.found, violation{invariant, about, fmt.Sprintf(format, v...)})
}

// check verifies the invariants when everything has ended.
func (u *universe) check() ([]violation, error) {
	c := &inspector{
		observations: u.evidence, u: u, effects: map[string][]string{},
		known: map[string]verdict.Transaction{}, history: map[string][]verdict.Evidence{},
	}
	for _, e := range u.partner.partner.Ledger() {
		c.effects[e.ID] = append(c.effects[e.ID], e.Status)
		u.note("partner", "ledger: %s %s", e.ID, e.Status)
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	u.left, u.effects = c.known, c.effects
	c.oneScope()
	c.acknowledged()
	c.effectsOnce()
	for _, t := range c.known {
		c.verdict(t)
		c.contradictions(t)
	}
	c.webhooksKept()
	c.checksDue()
	c.subscribers()
	c.noFlip()
	c.sometimes()
	return c.found, c.leftovers()
}

// read takes the whole record.
func (c *inspector) read() error {
	ctx := context.Background()
	for _, stage := range []verdict.Stage{
		verdict.StageAccepted, verdict.StageSending, verdict.StageWaiting, verdict.StageReview, verdict.StageSettled,
	} {
		list, err := c.u.audit.InStage(ctx, stage, 0, math.MaxInt32)
		if err != nil {
			return err
		}
		for _, t := range list {
			c.known[t.ID] = t
			if c.history[t.ID], err = c.u.audit.History(ctx, t.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneScope: a scope is one transaction (I2).
func (c *inspector) oneScope() {
	scopes := map[verdict.Scope]string{}
	for id, t := range c.known {
		if first, ok := scopes[t.Scope]; ok {
			c.report("I2", []string{t.Key, first, id}, "%s is on record as %s and as %s", t.Key, first, id)
		}
		scopes[t.Scope] = id
	}
}

// acknowledged: what was accepted is there (I1), once (I2), and other content under its key is refused (I2).
func (c *inspector) acknowledged() {
	byKey := map[string]string{}
	content := map[string]bool{}
	for _, a := range c.answers {
		about := []string{a.key, a.view.ID}
		switch {
		case a.status < 300:
			t, ok := c.known[a.view.ID]
			if !ok || t.Key != a.key {
				c.report("I1", about, "%s was acknowledged as %s, which isn't on record", a.key, a.view.ID)
			}
			if first, ok := byKey[a.key]; ok && first != a.view.ID {
				c.report("I2", append(about, first), "%s is acknowledged as %s and as %s", a.key, first, a.view.ID)
			}
			if other, ok := content[a.key]; ok && other != a.other {
				c.report("I2", about, "%s was accepted with two contents", a.key)
			}
			byKey[a.key], content[a.key] = a.view.ID, a.other
		case a.status < 500 && a.status != 422:
			c.report("I2", about, "%s was answered %d", a.key, a.status)
		}
	}
}

// effectsOnce: at most one effect for each transaction, and for each key (I3).
func (c *inspector) effectsOnce() {
	keys := map[string][]string{}
	for _, a := range c.accesses {
		if a.post && !slices.Contains(keys[a.key], a.id) {
			keys[a.key] = append(keys[a.key], a.id)
		}
	}
	for key, ids := range keys {
		n := 0
		for _, id := range ids {
			n += len(c.effects[id])
			if _, ok := c.known[id]; !ok {
				c.report("I1", ids, "the partner was sent %s, which isn't on record", id)
			}
		}
		if n > 1 {
			c.report("I3", append(ids, key), "%s had %d effects", key, n)
		}
	}
}

var inOurWords = map[string]verdict.Status{"completed": verdict.Succeeded, "declined": verdict.Failed}

// verdict: it is terminal, or in review (I8), and what the partner did (I4). Where the partner itself has told both, it
// is one of them.
func (c *inspector) verdict(t verdict.Transaction) {
	about := []string{t.ID, t.Key}
	if !t.Settled() {
		if t.Stage != verdict.StageReview {
			c.report("I8", about, "%s (%s) is %s for ever", t.ID, t.Key, t.Stage)
		}
		return
	}
	effects := c.effects[t.ID]
	if len(effects) == 0 {
		if t.Status != verdict.Failed {
			c.report("I4", about, "%s (%s) %s, but nothing happened", t.ID, t.Key, t.Status)
		}
		return
	}
	told := []verdict.Status{inOurWords[effects[len(effects)-1]]}
	for _, w := range c.webhooks {
		if w.id == t.ID {
			told = append(told, statusOf(w.body))
		}
	}
	if !slices.Contains(told, t.Status) {
		c.report("I4", about, "%s (%s) is %s, but the partner says %v", t.ID, t.Key, t.Status, told)
	}
}

// statusOf reads what a webhook says.
func statusOf(body []byte) verdict.Status {
	var told struct {
		Status string `json:"status"`
	}
	_ = json.Unmarshal(body, &told)
	return inOurWords[told.Status]
}

// contradictions: evidence against the verdict is marked as such, and no other (I6).
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

// checksDue: a check is claimed when it is due and the verdict unknown, each claim is asked at most once, and the partner
// is asked no more often than that (I13).
func (c *inspector) checksDue() {
	may, asked := map[string]int{}, map[string]int{}
	for _, m := range c.commits {
		if m.evidence != nil || m.t.Stage == verdict.StageAccepted || !claims(m.t) {
			continue
		}
		may[m.by+m.t.ID]++
		before, _ := c.version(m.t.ID, m.t.Version-1)
		if before.Settled() || m.at.Before(c.due(before, m.at)) {
			c.report("I13", []string{m.t.ID}, "%s was to be asked about at %s, before it was due", m.t.ID, m.at.Sub(c.u.began))
		}
	}
	for _, q := range c.questions {
		asked[q.reference]++
		may[q.by+q.reference]--
		if may[q.by+q.reference] < 0 {
			c.report("I13", []string{q.reference}, "%s asks about %s without a claim", q.by, q.reference)
		}
	}
	for _, a := range c.accesses {
		if !a.post {
			asked[a.id]--
			if asked[a.id] < 0 {
				c.report("I13", []string{a.id}, "the partner was asked about %s more often than was decided", a.id)
			}
		}
	}
}

// due is when the next check may come, by the schedule and by what the partner asked for, after the answers that were on
// record at a time.
func (c *inspector) due(t verdict.Transaction, at time.Time) time.Time {
	n, due := 0, t.SentAt.Add(simSchedule().Checks[0])
	for _, m := range c.commits {
		e := m.evidence
		if m.t.ID != t.ID || e == nil || e.Source != verdict.SourceCheck || m.at.After(at) || e.Asked.Before(t.SentAt) {
			continue
		}
		if e.Wait > 0 {
			due = e.At.Add(e.Wait)
			continue
		}
		n++
		if n < len(simSchedule().Checks) {
			due = e.At.Add(simSchedule().Checks[n])
		}
	}
	return due
}

// version returns a transaction as it was at a version.
func (c *inspector) version(id string, version int64) (verdict.Transaction, bool) {
	for _, m := range c.commits {
		if m.t.ID == id && m.t.Version == version {
			return m.t, true
		}
	}
	return verdict.Transaction{}, false
}

// asOf returns a transaction as it was on record at a time.
func (c *inspector) asOf(id string, at time.Time) (t verdict.Transaction, ok bool) {
	for _, m := range c.commits {
		if m.t.ID == id && !m.at.After(at) && m.t.Version > t.Version {
			t, ok = m.t, true
		}
	}
	return t, ok
}

// leftovers: nothing is left to do once everything is settled or in review (I8).
func (c *inspector) leftovers() error {
	left, err := c.u.audit.Backlog(context.Background())
	if left.Commands > 0 || left.Parked > 0 {
		c.report("I8", nil, "left over: %+v", left)
	}
	return err
}
