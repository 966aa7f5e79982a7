package main

import (
	"slices"
	"time"
)

// manner is that of the partner of a transaction.
func (a *auditor) manner(id string) manner { return a.limits.manners[a.rows[id].partner] }

// oneEffect: no transaction has two effects, and none that isn't on record has one, nor at another partner (I3).
func (a *auditor) oneEffect() {
	for _, e := range a.effects {
		r, known := a.rows[e.ID]
		switch {
		case !known:
			a.report("I3", "%s had an effect at %s and is not on record", e.ID, e.partner)
		case r.partner != e.partner:
			a.report("I3", "%s is for %s and had an effect at %s", e.ID, r.partner, e.partner)
		}
	}
	for id, n := range a.effectsOf() {
		if n > 1 {
			a.report("I3", "%s had %d effects", id, n)
		}
	}
}

// effectsOf counts the effects of each transaction.
func (h history) effectsOf() map[string]int {
	n := map[string]int{}
	for _, e := range h.effects {
		n[e.ID]++
	}
	return n
}

// sentOnce: a partner that acts again on what is sent again is sent nothing twice. One that deduplicates is, but only what
// it said it doesn't know when that was final (I3).
func (a *auditor) sentOnce() {
	for id, posts := range a.posted() {
		for i, p := range posts[1:] {
			switch before := posts[i]; {
			case !a.manner(id).deduplicates:
				a.report("I3", "%s was sent to the partner %d times", id, len(posts))
			case !a.unknownBetween(before, p):
				a.report("I3", "%s was sent again after %s, and the partner had not said in the end that it doesn't know it", id, p.at.Sub(before.at))
			}
		}
	}
	for partner, n := range a.repeated {
		if n > 0 && !a.limits.manners[partner].deduplicates {
			a.report("I3", "%s counts %d repeated posts", partner, n)
		}
	}
}

// posted returns the submits of each transaction, in the order in which they came.
func (h history) posted() map[string][]calling {
	posts := map[string][]calling{}
	for _, c := range h.calls {
		if c.submit {
			posts[c.transaction] = append(posts[c.transaction], c)
		}
	}
	for _, of := range posts {
		slices.SortFunc(of, func(x, y calling) int { return x.at.Compare(y.at) })
	}
	return posts
}

// unknownBetween reports whether the partner said between two submits that it doesn't know the transaction, so late that
// it was final. That time counts from the marker before the first.
func (a *auditor) unknownBetween(first, second calling) bool {
	final := a.markerOf(first).Add(a.manner(first.transaction).notFoundFinal)
	return slices.ContainsFunc(a.calls, func(c calling) bool {
		unknown := c.transaction == first.transaction && !c.submit && c.status == 404
		return unknown && c.at.After(first.at) && c.at.Before(second.at) && !c.at.Before(final)
	})
}

// markerOf returns when it was put on record that something would be sent: before it was, and known from its reply. A
// sender that died has left none; then it returns an earlier marker or the zero time.
func (a *auditor) markerOf(submit calling) (marker time.Time) {
	for _, e := range a.disk.evidence {
		about := e.transaction == submit.transaction && e.source == "reply"
		if about && e.asked.After(marker) && !e.asked.After(submit.at) {
			marker = e.asked
		}
	}
	return marker
}
