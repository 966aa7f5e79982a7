package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"verdict"
)

// stopBeforeSending returns an alteration that stops the process when it is about to submit for the nth time: the marker
// is on record, and no byte has left. It waits until nothing is being written, see instance.pause.
func stopBeforeSending(n string) func(parts) parts {
	times, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		panic(err)
	}
	return func(p parts) parts {
		var writes sync.RWMutex // read-locked during each write
		p.store = quiet(p.store, writes.RLocker())
		var passed atomic.Int64
		return onProvider(func(a *alteredProvider) {
			a.submit = func(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
				if passed.Add(1) == times {
					writes.Lock()
					time.Sleep(200 * time.Millisecond) // a commit may be followed by a checkpoint
					_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
					time.Sleep(time.Second) // it may be another thread that takes the signal, a moment later
					writes.Unlock()
				}
				return a.Provider.Submit(ctx, s)
			}
		})(p)
	}
}

// quiet returns a store that holds a lock whenever it writes.
func quiet(inner verdict.Store, writing sync.Locker) verdict.Store {
	s := newAlteredStore(inner)
	s.create = func(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
		writing.Lock()
		defer writing.Unlock()
		return inner.Create(ctx, t)
	}
	s.replace = func(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
		writing.Lock()
		defer writing.Unlock()
		return inner.Replace(ctx, next, e)
	}
	s.record = func(ctx context.Context, id string, e verdict.Evidence) error {
		writing.Lock()
		defer writing.Unlock()
		return inner.Record(ctx, id, e)
	}
	s.ask = func(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
		writing.Lock()
		defer writing.Unlock()
		return inner.Ask(ctx, next, b, now)
	}
	s.learn = func(ctx context.Context, provider string, seen verdict.Learned) error {
		writing.Lock()
		defer writing.Unlock()
		return inner.Learn(ctx, provider, seen)
	}
	s.claimDue = func(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
		writing.Lock()
		defer writing.Unlock()
		return inner.ClaimDue(ctx, lane, now, limit)
	}
	return s
}

// pauseBeforeSending stops one of two instances between a marker and its first byte, for so long that the other has
// concluded from the partner's silence when it wakes up: it failed, or was sent again by the other. It returns the history,
// and how many senders lost their turn.
func pauseBeforeSending(t *testing.T, partner string, alter ...string) (h history, lost int) {
	s := newScene(t)
	a, b := s.newInstance("a"), s.newInstance("b")
	a.start(append(alter, stopVariable+"=8")...)
	b.start()
	o := djamoOrder("", `{"status":"completed","reply":"ok","reply_after":"2s","webhook":"none"}`)
	if partner == "momo" {
		o = momoOrder("", `{"status":"completed","reply":"ok","reply_after":"2s","settles_after":"4s","webhook":"none"}`, "")
	}
	for n := range 16 {
		s.play(n, fmt.Sprintf("to be sent %d", n), o, a)
	}
	a.awaitStop()
	s.interrupted()
	s.webhooks.target.Store(b.address)
	s.play(0, "meanwhile", djamoOrder("", misfortunes["decline"]), b)
	s.sleep(17 * time.Second) // a lease is 15 s
	for deadline := time.Now().Add(healed); s.unsettled() > 0; s.sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d transactions wait for an instance that is stopped", s.unsettled())
		}
	}
	before := history{disk: s.read()}
	rows, unknown := before.byID(), map[string]bool{} // to the partner, which finds what it took by the time it is asked
	for _, e := range before.disk.evidence {
		if e.outcome == "not_found" && strings.HasPrefix(rows[e.transaction].key, "to be sent") {
			unknown[e.transaction] = true
		}
	}
	a.resume()
	return s.settle(), len(unknown)
}

// awaitStop waits until the instance stands still. The signal that stops a process stops its threads one by one, and on a
// busy machine some go on for a while.
func (g *instance) awaitStop() {
	g.t.Helper()
	g.process.awaitStates(g.t, "T")
}

// awaitStates waits until each thread of the process is in one of these states of proc(5).
func (p *process) awaitStates(t *testing.T, states string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if p.inStates(t, states) {
			return
		}
	}
	t.Fatal("it has not stopped")
}

func (p *process) inStates(t *testing.T, states string) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range threads {
		text, err := os.ReadFile(path)
		if err != nil {
			return false // it ends at this moment, so it runs
		}
		_, state, _ := strings.Cut(string(text), ") ")
		if state == "" || !strings.Contains(states, state[:1]) {
			return false
		}
	}
	return len(threads) > 0
}

func testASenderPausedBeforeItSends(t *testing.T, tally *tally, partner string) {
	h, lost := pauseBeforeSending(t, partner)
	for _, v := range h.violations() {
		t.Errorf("%s\n%s", v, h.trail(v))
	}
	tally.add(with(sawLostTurn, partner), lost)
}
