package main

import (
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
	repeated map[string]int // posts of an id that had been posted before, by each partner's own count
	disk     onDisk
}

// limits is what the checker is told of how the instances were set up.
type limits struct {
	schedule      []time.Duration   // when checks come, from sending
	interruptions int               // how often an instance was killed or paused, so that a check under way may come again
	manners       map[string]manner // of the partners, by name
}

// A manner is what the checker is told of a partner's ways.
type manner struct {
	deduplicates   bool          // the same id again acts once
	webhookSettles bool          // its webhooks may be believed; else they only say that it is worth asking
	notFoundFinal  time.Duration // after that long its "not found" is final
	checks         int           // at the most in any window
	window         time.Duration
}

// A posting is one attempt of a client to submit, and its answer.
type posting struct {
	server   string
	key      string
	partner  string // that it is for
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

// A hooking is a webhook on its way from a partner to the gateway.
type hooking struct {
	transaction string // that its URL was made for
	body        string
	status      int // of the gateway's answer; 0 if there was none
}

// A calling is a request of the gateway on its way to a partner.
type calling struct {
	at          time.Time
	submit      bool // else it is a check
	transaction string
	status      int  // of the partner's answer; 0 if there was none
	refused     bool // the answer to a submit was a definite no
}

// onDisk is the database, as plain SQL reads it.
type onDisk struct {
	rows     []diskRow
	evidence []diskEvidence
	parked   []hooking
	outbox   []string // ids of transactions with a next step
}

type diskRow struct {
	id, key, partner, status, stage, payload string
	event                                    int64
	created, sent, settled                   time.Time
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
	a := &auditor{history: h, rows: h.byID()}
	a.acknowledged()
	a.oneKeyOneTransaction()
	a.oneEffect()
	a.sentOnce()
	a.noInventedOutcome()
	a.toldByWhatSettles()
	a.oneVerdict()
	a.contradictionsShown()
	a.webhooksKept()
	a.nothingLeftOver()
	a.everybodyInformed()
	a.sameEverywhere()
	a.checksInTime()
	a.checksInBudget()
	return a.found
}

// byID returns the transactions on record by id.
func (h history) byID() map[string]diskRow {
	rows := map[string]diskRow{}
	for _, r := range h.disk.rows {
		rows[r.id] = r
	}
	return rows
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
		case !p.asks(r):
			a.report("I1", "key %s was acknowledged for %s: %s, but %s holds %s: %s", p.key, p.partner, p.content, p.id, r.partner, r.payload)
		}
	}
}

// asks reports whether a posting asks for what is on record.
func (p posting) asks(r diskRow) bool { return p.partner == r.partner && p.content == r.payload }

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
			if len(rows[p.key]) == 0 || p.asks(rows[p.key][0]) {
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
