package main

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A moveLoad is apps that submit and listen while a record is moved.
type moveLoad struct {
	world   *world
	ctx     context.Context
	apps    sync.WaitGroup
	rounds  int
	mu      sync.Mutex // guards records
	records []record
}

func (w *world) loadOf(ctx context.Context) *moveLoad { return &moveLoad{world: w, ctx: ctx} }

// add has more apps submit, and waits until one was acknowledged and has its verdict: so something new is stored.
func (l *moveLoad) add(t *testing.T) {
	t.Helper()
	l.play()
	l.world.verdictOf(t, fmt.Sprint("stored-", l.rounds), soonCompleted)
}

func (l *moveLoad) play() {
	l.rounds++
	for _, name := range []string{"nothing", "decline", "answer lost, no webhook", "504 that goes through", "webhook twice"} {
		key := fmt.Sprintf("%s %d", name, l.rounds)
		l.apps.Go(func() {
			r := l.world.play(l.ctx, name, key, misfortunes[name], 1)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.records = append(l.records, r)
		})
	}
}

// wait returns what all apps saw, each up to its verdict.
func (l *moveLoad) wait() []record {
	l.apps.Wait()
	return l.records
}

// A blocker makes others wait in a database, and sees that they do.
type blocker struct{ conn, eye *pgx.Conn }

func newBlocker(t *testing.T, url string) *blocker {
	t.Helper()
	b := &blocker{}
	for _, conn := range []**pgx.Conn{&b.conn, &b.eye} {
		opened, err := pgx.Connect(t.Context(), url+"&application_name=blocker")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = opened.Close(context.Background()) })
		*conn = opened
	}
	return b
}

func (b *blocker) run(t *testing.T, statements string) {
	t.Helper()
	if _, err := b.conn.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// awaitBlocked waits until a connection of a process waits for a lock.
func (b *blocker) awaitBlocked(t *testing.T, p *process) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); b.waiting(t) == 0; time.Sleep(5 * time.Millisecond) {
		select {
		case <-p.done:
			t.Fatalf("it ended before it was to wait:\n%s", p.log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody waits for a lock")
		}
	}
}

// release ends the transaction that makes others wait, and waits until those that were killed are gone.
func (b *blocker) release(t *testing.T) {
	t.Helper()
	b.run(t, "COMMIT")
	mustBecome(t, "the server has noticed that the client is gone", func() bool {
		return b.count(t, "application_name = 'verdict'") == 0
	})
}

func (b *blocker) waiting(t *testing.T) int {
	t.Helper()
	return b.count(t, "application_name = 'verdict' AND wait_event_type = 'Lock'")
}

func (b *blocker) count(t *testing.T, where string) (n int) {
	t.Helper()
	if err := b.eye.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE "+where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
