package main

import (
	"net/http"
	"slices"

	"verdict"
)

// sometimes counts the interesting states that a universe went through.
func (c *inspector) sometimes() {
	hit := c.u.happened.hit
	for _, a := range c.answers {
		if a.status < 300 && a.replayed && a.view.Status == verdict.Pending {
			hit("a repeat met its transaction in flight")
		}
		if a.status == 422 {
			hit("a key was used with other content")
		}
	}
	for _, w := range c.webhooks {
		if w.status > 299 || w.status == 0 {
			hit("a webhook was lost")
		}
	}
	for id, t := range c.known {
		c.sometimesOf(id, t)
	}
	c.sometimesSentAgain()
	for _, m := range c.commits {
		before, _ := c.version(m.t.ID, m.t.Version-1)
		if pullsForward(m) && before.Due.After(m.t.Due) {
			hit("a webhook pulled a check forward")
		}
	}
}

// sometimesSentAgain counts what comes of sending the same reference again.
func (c *inspector) sometimesSentAgain() {
	posts := map[simOrder]int{}
	for _, a := range c.accesses {
		if a.kind != verdict.Submit {
			continue
		}
		posts[a.simOrder]++
		notFound := slices.ContainsFunc(c.history[a.id], func(e verdict.Evidence) bool {
			return e.Source == verdict.SourceCheck && e.Outcome == verdict.OutcomeNotFound && e.At.Before(a.at)
		})
		if posts[a.simOrder] > 1 && notFound {
			c.u.happened.hit("a reference was sent again after not found")
		}
		if a.status == http.StatusConflict {
			c.u.happened.hit("the partner had it already (409)")
		}
	}
}

func (c *inspector) sometimesOf(id string, t verdict.Transaction) {
	hit := c.u.happened.hit
	var seen []verdict.Source
	decided, conflict := false, false
	for _, e := range c.history[id] {
		seen = append(seen, e.Source)
		decided = decided || e.Source == verdict.SourceReply && verdict.Status(e.Outcome) == t.Status
		conflict = conflict || e.Conflict
		if e.Wait > 0 {
			hit("the partner asked us to stay away")
		}
		if e.Outcome == verdict.OutcomeNotFound && t.Settled() {
			hit("the partner didn't know it")
		}
	}
	webhook, reply := slices.Index(seen, verdict.SourceWebhook), slices.Index(seen, verdict.SourceReply)
	if webhook >= 0 && reply > webhook {
		hit("a webhook beat its reply")
	}
	if len(c.effects[orderOf(t)]) > 0 && !decided {
		hit("the reply of an effect was lost")
	}
	if conflict {
		hit("a contradiction was recorded")
	}
	if t.Stage == verdict.StageReview {
		hit("a transaction went to review")
	}
	hit(t.Provider + ": transactions " + string(t.Status))
	if n := c.committers(id); n > 1 {
		hit("one instance went on with another's transaction")
	}
}

func (c *inspector) committers(id string) int {
	by := map[string]bool{}
	for _, m := range c.commits {
		if m.t.ID == id {
			by[m.by] = true
		}
	}
	return len(by)
}
