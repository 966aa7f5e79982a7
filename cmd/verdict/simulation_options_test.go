package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"verdict"
)

// The mission offered other designs than an outbox. Here they are under the same crashes, in the same harness.

// inProcess is the first: the process that accepts a request keeps the work in memory, timers included, and retries there.
// No outbox and no stream carry commands.
func inProcess(l *life, p parts) parts {
	w := &memoryWork{life: l, bus: p.bus, handlers: map[string]func(context.Context, verdict.Command) error{}}
	a := ablate(p.store)
	a.claim = nothingDue
	a.create = func(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
		stored, created, err := a.Store.Create(ctx, t)
		if created && err == nil {
			w.remember(stored)
		}
		return stored, created, err
	}
	a.replace = func(ctx context.Context, t verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
		stored, err := a.Store.Replace(ctx, t, e)
		if err == nil {
			w.remember(stored)
		}
		return stored, err
	}
	a.ask = func(ctx context.Context, t verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
		stored, turn, err := a.Store.Ask(ctx, t, b, now)
		if err == nil {
			w.remember(stored)
		}
		return stored, turn, err
	}
	p.store, p.bus = a, w
	return p
}

// memoryWork is a bus that carries events, while commands stay in memory and die with the process.
type memoryWork struct {
	*life
	bus
	mu       sync.Mutex // guards handlers
	handlers map[string]func(context.Context, verdict.Command) error
}

func (w *memoryWork) Publish(ctx context.Context, _ []verdict.Command, events []verdict.Event) error {
	if len(events) == 0 {
		return nil
	}
	return w.bus.Publish(ctx, nil, events)
}

func (w *memoryWork) Work(ctx context.Context, provider string, kind verdict.Kind, _ int, handle func(context.Context, verdict.Command) error) error {
	w.mu.Lock()
	w.handlers[provider+string(kind)] = handle
	w.mu.Unlock()
	<-ctx.Done()
	return nil
}

// remember carries out the next step of a transaction when it is due, again and again until it succeeds or the process ends.
func (w *memoryWork) remember(t verdict.Transaction) {
	c, ok := t.Command()
	if !ok {
		return
	}
	w.late.Go(func() {
		wait := max(time.Until(t.Due), w.moment("remember "+t.ID))
		for sleep(w.ending, wait) == nil {
			w.mu.Lock()
			handle := w.handlers[c.Provider+string(c.Kind)]
			w.mu.Unlock()
			if handle != nil && handle(context.Background(), c) == nil {
				return
			}
			wait = time.Second + w.moment("retry "+t.ID)
		}
	})
}

// queueBeside is the second: the first command goes to a queue after the commit, with no outbox behind it. The queue
// redelivers what failed; what never came into it stays undone.
func queueBeside(_ *life, p parts) parts {
	a := ablate(p.store)
	a.claim = func(ctx context.Context, lane verdict.Lane, now time.Time, limit int) (kept []verdict.Command, err error) {
		due, err := a.Store.ClaimDue(ctx, lane, now, limit)
		for _, c := range due {
			if c.Version > 1 {
				kept = append(kept, c)
			}
		}
		return kept, err
	}
	p.store = a
	return p
}

// tableRow is what became of the transactions under a design.
type tableRow struct{ transactions, settled, review, pending, diverged int }

// count adds up what a universe has left. A transaction has diverged if the partner has carried it out and the record
// doesn't say so, or the other way round.
func (r *tableRow) count(u *universe, left map[string]verdict.Transaction, effects map[simOrder][]string) {
	for id, t := range left {
		r.transactions++
		switch {
		case t.Settled():
			r.settled++
		case t.Stage == verdict.StageReview:
			r.review++
		default:
			r.pending++
		}
		done := effects[orderOf(t)]
		told := len(done) == 1 && (inOurWords(done[0]) == t.Status || u.contradicted(id))
		if len(done) > 0 && !told && t.Stage != verdict.StageReview || len(done) == 0 && t.Status == verdict.Succeeded {
			r.diverged++
		}
	}
}

// contradicted reports whether the partner itself has told two things about a transaction.
func (u *universe) contradicted(id string) bool {
	told := map[verdict.Status]bool{}
	for _, w := range u.evidence.webhooks {
		if w.id == id {
			told[statusOf(w.body)] = true
		}
	}
	return len(told) > 1
}

// TestSimulationComparesDesigns has 1,000 transactions go through the same crashes under each design.
func TestSimulationComparesDesigns(t *testing.T) {
	const universes, keys, crashing = 20, 50, 25
	designs := []variant{
		{name: "outbox"}, {name: "1: retry in the process", wrapper: inProcess}, {name: "2: queue beside the database", wrapper: queueBeside},
	}
	rows := make([]tableRow, len(designs))
	var mu sync.Mutex
	t.Run("designs", func(t *testing.T) {
		for n, v := range designs {
			v.keys, v.crashing, v.patience = keys, crashing, 12*time.Minute
			for seed := range uint64(universes) {
				t.Run(v.name, func(t *testing.T) {
					t.Parallel()
					u, _ := simulate(t, seed+1, v, newSimTally())
					mu.Lock()
					defer mu.Unlock()
					rows[n].count(u, u.left, u.effects)
				})
			}
		}
	})
	text := fmt.Sprintf("%-30s %12s %8s %8s %17s %9s\n", "design", "transactions", "settled", "review", "pending for ever", "diverged")
	for n, r := range rows {
		text += fmt.Sprintf("%-30s %12d %8d %8d %17d %9d\n", designs[n].name, r.transactions, r.settled, r.review, r.pending, r.diverged)
	}
	t.Logf("\n%s", text)
	if r := rows[0]; r.pending > 0 || r.diverged > 0 {
		t.Errorf("the outbox left %d pending and %d diverged", r.pending, r.diverged)
	}
	for n, r := range rows[1:] {
		if r.pending == 0 {
			t.Errorf("%s left nothing pending: the crashes don't tell the designs apart", designs[n+1].name)
		}
	}
}
