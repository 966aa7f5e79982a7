package main

import (
	"slices"
	"time"

	"verdict"
)

// What the simulation assumes of when checks come stands here.

// simSchedule is as long as the partners need to become sure, and no longer: virtual time costs a little too.
func simSchedule() verdict.Schedule {
	return verdict.Schedule{
		Checks:  []time.Duration{12 * time.Second, 48 * time.Second, time.Minute, time.Minute, time.Minute},
		SendFor: 5 * time.Minute, MaxSends: 3,
	}
}

// schedule is the configuration of a universe's schedule. Half of them ask early as well.
func (u *universe) schedule() scheduleConfig {
	s := simSchedule()
	c := scheduleConfig{Mode: "backoff", Price: verdict.DefaultPrice, Checks: s.Checks, SendFor: s.SendFor, MaxSends: s.MaxSends}
	if u.planned() {
		c.Mode = "planned"
	}
	return c
}

func (u *universe) planned() bool { return u.variant.keys == 0 && u.always("mode").IntN(2) == 0 }

// budget is that of each partner, so small that checks wait for their turns.
func (u *universe) budget() verdict.Budget {
	if u.variant.keys > 0 {
		return verdict.Budget{Limit: 100, Window: time.Second, Burst: 1}
	}
	return verdict.Budget{Limit: 2, Window: 10 * time.Second, Burst: 2}
}

// checksInBudget: in every window each partner is asked no more often than its budget allows, by all instances together
// (I12).
func (c *inspector) checksInBudget() {
	b := c.u.budget()
	for _, p := range c.u.partners {
		var at []time.Time
		for _, a := range c.accesses {
			if a.partner == p.name && a.kind == verdict.Check {
				at = append(at, a.at)
			}
		}
		slices.SortFunc(at, time.Time.Compare)
		for i := b.Limit; i < len(at); i++ {
			if at[i].Sub(at[i-b.Limit]) < b.Window {
				c.report("I12", nil, "%s was asked %d times in the %s before %s", p.name, b.Limit+1, b.Window, at[i].Sub(c.u.began))
			}
		}
	}
}

// refusalsObeyed: once a refusal is on record nobody asks the partner about anything before it allows it (I13).
func (c *inspector) refusalsObeyed() {
	for _, m := range c.commits {
		if m.evidence == nil || m.evidence.Wait == 0 {
			continue
		}
		until := m.evidence.At.Add(m.evidence.Wait)
		for _, q := range c.questions {
			if q.partner == m.t.Provider && q.at.After(m.at) && q.at.Before(until) {
				c.report("I13", []string{q.id, m.t.ID}, "%s asks about %s, and %s is to be left alone until %s", q.by, q.id, q.partner, until.Sub(c.u.began))
			}
		}
		c.u.happened.hit("a refusal held all checks of the partner")
	}
}

// checksDue: a check is claimed when it is due and the verdict unknown, each claim is asked at most once, and a partner
// is asked no more often than that (I13).
func (c *inspector) checksDue() {
	may, asked := map[string]int{}, map[string]int{}
	for _, m := range c.commits {
		if !m.asks {
			continue
		}
		may[m.by+m.t.ID]++
		before, _ := c.version(m.t.ID, m.t.Version-1)
		if before.Settled() || m.at.Before(c.due(before, m.at)) {
			c.report("I13", []string{m.t.ID}, "%s was to be asked about at %s, before it was due", m.t.ID, m.at.Sub(c.u.began))
		}
	}
	for _, q := range c.questions {
		asked[q.id]++
		may[q.by+q.id]--
		if may[q.by+q.id] < 0 {
			c.report("I13", []string{q.id}, "%s asks about %s without a claim", q.by, q.id)
		}
	}
	for _, a := range c.accesses {
		if a.kind == verdict.Check {
			asked[a.id]--
			if asked[a.id] < 0 {
				c.report("I13", []string{a.id}, "%s was asked about %s more often than was decided", a.partner, a.id)
			}
		}
	}
}

// due is when the next check may come. Where checks are planned that is for the record to say. Else it is by the schedule,
// by what the partner asked for, and by its webhooks if these pull checks forward: by what was learned since the last
// send and was on record at a time.
func (c *inspector) due(t verdict.Transaction, at time.Time) time.Time {
	if c.u.planned() {
		return t.Due
	}
	due := floorAfter(t, t.SentAt)
	for _, m := range c.commits {
		e := m.evidence
		switch {
		case m.t.ID != t.ID || e == nil || m.at.After(at) || !m.t.SentAt.Equal(t.SentAt):
		case pullsForward(m):
			due = e.At
		case e.Asked.Before(t.SentAt) || e.Source == verdict.SourceWebhook || c.lateReply(m):
		case e.Wait > 0:
			due = e.At.Add(e.Wait)
		default:
			due = floorAfter(t, e.At)
		}
	}
	return due
}

// lateReply reports whether a change is due to a reply that came when checks had begun without it.
func (c *inspector) lateReply(m commit) bool {
	before, _ := c.version(m.t.ID, m.t.Version-1)
	return m.evidence.Source == verdict.SourceReply && before.Stage != verdict.StageSending
}

// floorAfter is when the schedule's next check comes, after a time.
func floorAfter(t verdict.Transaction, after time.Time) time.Time {
	due := t.SentAt
	for _, pause := range simSchedule().Checks {
		due = due.Add(pause)
		if due.After(after) {
			break
		}
	}
	return due
}

// pullsForward reports whether a change has a check come at once, on the word of a webhook that may not settle.
func pullsForward(m commit) bool {
	return m.evidence != nil && m.evidence.Source == verdict.SourceWebhook && m.t.Stage == verdict.StageWaiting && m.t.Due.Equal(m.evidence.At)
}
