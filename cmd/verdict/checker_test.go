package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// A history is what was seen of a run from outside: the logs of clients, subscribers and partner, and at last the
// database. The checker below holds it against the invariants of the design. It knows nothing of the gateway's code.
type history struct {
	limits   limits
	posts    []posting
	tellings []telling
	webhooks []hooking
	calls    []calling
	effects  []effect
	repeated int // posts of an id that had been posted before, by the partner's own count
	disk     onDisk
}

// limits is what the checker is told of how the instances were set up.
type limits struct {
	firstCheck    time.Duration // the schedule's first pause, and its shortest
	notFoundFinal time.Duration // after that long the partner's "not found" is final
	interruptions int           // how often an instance was killed or paused, so that a check under way may come again
}

// A posting is one attempt of a client to submit, and its answer.
type posting struct {
	server   string
	key      string
	content  string // the payload as it was sent
	sent     time.Time
	answered time.Time
	status   int // of HTTP; 0 if the answer, or its end, was lost
	id       string
	state    string // pending, succeeded or failed
	replayed bool   // marked as the answer to a repetition
}

// A telling is all that one subscriber was told of a transaction, over all its connections.
type telling struct {
	server      string // of its last connection
	transaction string
	connections int
	resumed     bool // it was told something by one connection, and more by a later one
	events      []told
}

// A hooking is a webhook on its way from the partner to the gateway.
type hooking struct {
	transaction string // that its URL was made for
	body        string
	status      int // of the gateway's answer; 0 if there was none
}

// A calling is a request of the gateway that reached the partner.
type calling struct {
	at          time.Time
	submit      bool // else it is a check
	transaction string
}

// onDisk is the database, as plain SQL reads it.
type onDisk struct {
	rows     []diskRow
	evidence []diskEvidence
	parked   []hooking
	outbox   []string // ids of transactions with a next step
}

type diskRow struct {
	id, key, status, stage, payload string
	event                           int64
	created, sent, settled          time.Time
}

type diskEvidence struct {
	transaction, source, outcome string
	asked, at                    time.Time
	conflict                     bool
	raw                          string
}

// auditor holds a history against the invariants.
type auditor struct {
	history
	rows  map[string]diskRow // by id
	found []string
}

// violations says in plain words what is wrong, each with the number of the invariant in front: none if all is well.
func (h history) violations() []string {
	a := &auditor{history: h, rows: map[string]diskRow{}}
	for _, r := range h.disk.rows {
		a.rows[r.id] = r
	}
	a.acknowledged()
	a.oneKeyOneTransaction()
	a.oneEffect()
	a.noInventedOutcome()
	a.oneVerdict()
	a.contradictionsShown()
	a.webhooksKept()
	a.nothingLeftOver()
	a.everybodyInformed()
	a.sameEverywhere()
	a.checksInTime()
	return a.found
}

func (a *auditor) report(invariant, format string, args ...any) {
	a.found = append(a.found, invariant+": "+fmt.Sprintf(format, args...))
}

// acknowledged: what was acknowledged is on record, as it was sent (I1).
func (a *auditor) acknowledged() {
	for _, p := range a.posts {
		r, known := a.rows[p.id]
		switch {
		case p.status < 200 || p.status > 299:
		case !known:
			a.report("I1", "key %s was acknowledged as %s, which is not on record", p.key, p.id)
		case r.payload != p.content:
			a.report("I1", "key %s was acknowledged for %s, but %s holds %s", p.key, p.content, p.id, r.payload)
		}
	}
}

// oneKeyOneTransaction: a key is one transaction, other content is refused, and nobody else is (I2).
func (a *auditor) oneKeyOneTransaction() {
	rows, ids, posted := map[string][]diskRow{}, map[string]string{}, map[string]bool{}
	for _, r := range a.disk.rows {
		rows[r.key] = append(rows[r.key], r)
	}
	for _, p := range a.posts {
		posted[p.key] = true
		switch {
		case p.status == 0 || p.status == 408 || p.status == 429 || p.status >= 500: // it may be sent again
		case p.status == 422:
			if len(rows[p.key]) == 0 || rows[p.key][0].payload == p.content {
				a.report("I2", "key %s was refused as used with other content, which it was not", p.key)
			}
		case p.status >= 300:
			a.report("I2", "key %s was refused with %d", p.key, p.status)
		case ids[p.key] != "" && ids[p.key] != p.id:
			a.report("I2", "key %s was answered with %s and with %s", p.key, ids[p.key], p.id)
		default:
			ids[p.key] = p.id
		}
	}
	for key, of := range rows {
		if len(of) > 1 {
			a.report("I2", "key %s has %d transactions", key, len(of))
		}
		if !posted[key] {
			a.report("I2", "%s has the key %s, which nobody sent", of[0].id, key)
		}
	}
}

// oneEffect: no transaction reaches the partner twice, and none that isn't on record has an effect (I3).
func (a *auditor) oneEffect() {
	submits, effects := map[string]int{}, map[string]int{}
	for _, c := range a.calls {
		if c.submit {
			submits[c.transaction]++
		}
	}
	for _, e := range a.effects {
		effects[e.ID]++
		if _, known := a.rows[e.ID]; !known {
			a.report("I3", "%s had an effect and is not on record", e.ID)
		}
	}
	for id, n := range submits {
		if n > 1 {
			a.report("I3", "%s was sent to the partner %d times, with %d effects", id, n, effects[id])
		}
	}
	for id, n := range effects {
		if n > 1 {
			a.report("I3", "%s had %d effects", id, n)
		}
	}
	if a.repeated > 0 {
		a.report("I3", "the partner counts %d repeated posts", a.repeated)
	}
}

// said is a status in the words of the gateway, "" if the partner's are not understood.
func said(body string) string {
	var o struct{ Status string }
	if json.Unmarshal([]byte(body), &o) != nil {
		return ""
	}
	return map[string]string{"completed": "succeeded", "declined": "failed"}[o.Status]
}
