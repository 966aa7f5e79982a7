package main

import (
	"sync"
	"time"

	"verdict"
)

// observations is all that was seen of a universe from its edges.
type observations struct {
	mu        sync.Mutex // guards what follows
	commits   []commit
	accesses  []access
	webhooks  []webhookCall
	questions []question
	answers   []answer
	listeners []*subscriber
}

// commit is a state that was put on record.
type commit struct {
	at       time.Time
	by       string
	t        verdict.Transaction
	evidence *verdict.Evidence
}

// access is a request that reached the partner.
type access struct {
	at     time.Time
	post   bool
	id     string
	key    string // of the app, for a post
	status int
}

// webhookCall is a webhook that the partner posted; status is 0 if there was no answer.
type webhookCall struct {
	id           string
	body         []byte
	at, answered time.Time
	status       int
}

// question is a status check that an instance decided on.
type question struct {
	at        time.Time
	by        string
	reference string
}

func (o *observations) commit(c commit)        { keep(o, &o.commits, c) }
func (o *observations) access(a access)        { keep(o, &o.accesses, a) }
func (o *observations) webhook(c webhookCall)  { keep(o, &o.webhooks, c) }
func (o *observations) ask(q question)         { keep(o, &o.questions, q) }
func (o *observations) answer(a answer)        { keep(o, &o.answers, a) }
func (o *observations) listener(s *subscriber) { keep(o, &o.listeners, s) }

func keep[T any](o *observations, list *[]T, v T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*list = append(*list, v)
}
