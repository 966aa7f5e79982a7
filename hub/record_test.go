package hub

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"verdict"
)

var (
	_ verdict.Feed = (*Hub)(nil)
	_ Record       = verdict.Store(nil)

	ama  = verdict.Audience{Tenant: "shop", Owner: "ama"}
	kofi = verdict.Audience{Tenant: "shop", Owner: "kofi"}
)

var errAway = errors.New("the database is away")

// record is a Record in memory.
type record struct {
	mu      sync.Mutex
	settled []verdict.Transaction
	away    bool
}

// settle puts the next verdict on record and returns its event.
func (r *record) settle(a verdict.Audience) verdict.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := int64(len(r.settled) + 1)
	t := verdict.Transaction{
		ID:      fmt.Sprintf("t%d", id),
		Scope:   verdict.Scope{Tenant: a.Tenant, Owner: a.Owner, Operation: "transfer", Key: "k"},
		Status:  verdict.Succeeded,
		Stage:   verdict.StageSettled,
		EventID: id,
	}
	r.settled = append(r.settled, t)
	return t.Event()
}

func (r *record) setAway(away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = away
}

func (r *record) Settled(_ context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return nil, errAway
	}
	if a != nil {
		return nil, errors.New("a hub reads for all audiences")
	}
	rest := r.settled[min(after, int64(len(r.settled))):]
	return append([]verdict.Transaction(nil), rest[:min(limit, len(rest))]...), nil
}

func (r *record) LastEventID(context.Context) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return 0, errAway
	}
	return int64(len(r.settled)), nil
}

// ear is a subscriber that remembers what it was told.
type ear struct {
	mu    sync.Mutex
	heard []verdict.Event
}

func (e *ear) deliver(event verdict.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, event)
}

func (e *ear) ids() []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := []int64{}
	for _, event := range e.heard {
		ids = append(ids, event.ID)
	}
	return ids
}
