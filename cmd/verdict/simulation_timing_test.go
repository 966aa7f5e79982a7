package main

import (
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

// claims reports whether a state without evidence is the claim of a check; else it is a marker, which schedules the first.
func claims(next verdict.Transaction) bool {
	return !next.Due.Equal(next.SentAt.Add(simSchedule().Checks[0]))
}

// checksDue: a check is claimed when it is due and the verdict unknown, each claim is asked at most once, and a partner
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
		if a.kind == verdict.Check {
			asked[a.id]--
			if asked[a.id] < 0 {
				c.report("I13", []string{a.id}, "%s was asked about %s more often than was decided", a.partner, a.id)
			}
		}
	}
}

// due is when the next check may come: by the schedule, by what the partner asked for, and by its webhooks if these pull
// checks forward. It goes by what was learned since the last send and was on record at a time.
//
// A webhook may pull a check forward although the partner asked us to stay away: so the gateway does, against I13.
func (c *inspector) due(t verdict.Transaction, at time.Time) time.Time {
	n, due := 0, t.SentAt.Add(simSchedule().Checks[0])
	for _, m := range c.commits {
		e := m.evidence
		switch {
		case m.t.ID != t.ID || e == nil || m.at.After(at) || !m.t.SentAt.Equal(t.SentAt):
		case pullsForward(m):
			due = e.At
		case e.Source != verdict.SourceCheck || e.Asked.Before(t.SentAt):
		case e.Wait > 0:
			due = e.At.Add(e.Wait)
		default:
			n++
			if n < len(simSchedule().Checks) {
				due = e.At.Add(simSchedule().Checks[n])
			}
		}
	}
	return due
}

// pullsForward reports whether a change has a check come at once, on the word of a webhook that may not settle.
func pullsForward(m commit) bool {
	return m.evidence != nil && m.evidence.Source == verdict.SourceWebhook && m.t.Stage == verdict.StageWaiting && m.t.Due.Equal(m.evidence.At)
}
