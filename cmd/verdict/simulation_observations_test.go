package main

import (
	"sync"
	"time"

	"verdict"
)

// observations is all that was seen of a universe from its edges.
type observations struct {
	mu         sync.Mutex // guards what follows
	commits    []commit
	departures []simOrder // of which bytes left an instance, in a submit
	accesses   []access
	webhooks   []webhookCall
	questions  []question
	answers    []answer
	listeners  []*subscriber
	published  []published
	deleted    []deleted
	told       []noticed
	doors      []door
	claims     []noticeClaim
	forgotten  []forgotten
}

// simOrder is what a partner was asked for, by our reference.
type simOrder struct{ partner, id string }

// orderOf is the order that a transaction is about.
func orderOf(t verdict.Transaction) simOrder { return simOrder{t.Provider, t.ID} }

// commit is a state that was put on record.
type commit struct {
	at       time.Time
	by       string
	t        verdict.Transaction
	evidence *verdict.Evidence
	asks     bool // it claims a check
}

// access is a request that reached a partner.
type access struct {
	simOrder
	at     time.Time
	kind   verdict.Kind // empty if it is neither a submit nor a check
	key    string       // of the app, for a submit
	status int
}

// webhookCall is a webhook that a partner posted; status is 0 if there was no answer.
type webhookCall struct {
	simOrder
	body         []byte
	at, answered time.Time
	status       int
}

// question is a status check that an instance decided on.
type question struct {
	simOrder
	at time.Time
	by string
}

// published is a command that a stream has taken.
type published struct {
	at time.Time
	by string
	verdict.Command
}

// deleted is the end of a stream's folder.
type deleted struct {
	at time.Time
	of string // the instance
}

// noticed is a verdict as it reached a backend.
type noticed struct {
	tenant       string
	at           time.Time
	notice       string // the Webhook-Id
	stamp, proof string // Webhook-Timestamp and Webhook-Signature
	body         []byte
	status       int // that it answered
}

// door is an endpoint that was disabled, or enabled.
type door struct {
	at       time.Time
	endpoint string
	disabled bool
}

// noticeClaim is notices that an instance has got from the record to tell them.
type noticeClaim struct {
	at       time.Time
	endpoint string
	by       string
}

// forgotten is a transaction that was deleted from the record, as it had it.
type forgotten struct {
	at time.Time
	verdict.Past
}

func (o *observations) commit(c commit)        { keep(o, &o.commits, c) }
func (o *observations) leave(of simOrder)      { keep(o, &o.departures, of) }
func (o *observations) access(a access)        { keep(o, &o.accesses, a) }
func (o *observations) webhook(c webhookCall)  { keep(o, &o.webhooks, c) }
func (o *observations) ask(q question)         { keep(o, &o.questions, q) }
func (o *observations) answer(a answer)        { keep(o, &o.answers, a) }
func (o *observations) listener(s *subscriber) { keep(o, &o.listeners, s) }
func (o *observations) publish(p published)    { keep(o, &o.published, p) }
func (o *observations) delete(d deleted)       { keep(o, &o.deleted, d) }
func (o *observations) tell(t noticed)         { keep(o, &o.told, t) }
func (o *observations) door(d door)            { keep(o, &o.doors, d) }
func (o *observations) claim(c noticeClaim)    { keep(o, &o.claims, c) }
func (o *observations) forget(f forgotten)     { keep(o, &o.forgotten, f) }

func keep[T any](o *observations, list *[]T, v T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*list = append(*list, v)
}
