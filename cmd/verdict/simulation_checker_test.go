package main

import (
	"context"
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
// the partners' ledgers and their logs of access and webhooks, and the log of commits. It knows nothing of the gateway.
type inspector struct {
	*observations
	u       *universe
	effects map[simOrder][]string // the statuses in the partners' ledgers
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
		observations: u.evidence, u: u, effects: map[simOrder][]string{},
		known: map[string]verdict.Transaction{}, history: map[string][]verdict.Evidence{},
	}
	for _, p := range u.partners {
		for _, e := range p.simulator.Ledger() {
			o := simOrder{p.name, p.ours(e.ID)}
			c.effects[o] = append(c.effects[o], e.Status)
			u.note(p.name, "ledger: %s %s", o.id, e.Status)
		}
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	if err := c.retained(); err != nil {
		return nil, err
	}
	u.left, u.effects = c.known, c.effects
	c.oneScope()
	c.acknowledged()
	c.effectsOnce()
	c.sentOnce()
	c.settledByProof()
	for _, t := range c.known {
		c.verdict(t)
		c.contradictions(t)
	}
	c.webhooksKept()
	c.checksDue()
	c.checksInBudget()
	c.refusalsObeyed()
	c.subscribers()
	c.backendsTold()
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

// orphan: a transaction that nobody goes on with (I8), and if its command was left to a stream that was deleted, it is
// the stream that was taken for the record (I14).
func (c *inspector) orphan(t verdict.Transaction, about []string) {
	command, _ := t.Command()
	for _, p := range slices.Backward(c.published) {
		if p.Command != command {
			continue
		}
		for _, d := range c.deleted {
			if d.of == p.by && d.at.After(p.at) {
				c.report("I14", about, "%s (%s) is %s for ever: its last command was in the stream of %s, whose folder was deleted", t.ID, t.Key, t.Stage, p.by)
				return
			}
		}
		break
	}
	c.report("I8", about, "%s (%s) is %s for ever", t.ID, t.Key, t.Stage)
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
	left, err := c.u.audit.Backlog(context.Background(), time.Now())
	if left.Commands > 0 || left.Parked > 0 {
		c.report("I8", nil, "left over: %+v", left)
	}
	return err
}
