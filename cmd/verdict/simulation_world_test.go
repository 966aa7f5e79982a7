package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"verdict"
)

const (
	chaosFor = 90 * time.Second // how long faults go on
	tail     = 45 * time.Second // after convergence: for webhooks that are still to come

	// healFor bounds convergence, counted from the last fault: the longest pause and claim, the sends, the checks, the bans.
	healFor = 20 * time.Minute
)

// A universe is the whole system under one seed, in one synctest bubble: instances with real SQLite and JetStream files,
// the partners, and the apps. What goes wrong, and how long everything takes, follows from the seed alone: nothing else
// happens in the same nanosecond, so a seed replays.
type universe struct {
	seed    uint64
	variant variant
	dir     string
	began   time.Time
	chaos   atomic.Bool    // whether faults are drawn
	retains atomic.Bool    // whether instances that start now archive what is over
	running sync.WaitGroup // the instances, with what is left of the dead ones

	instances []*simInstance
	partners  []*simPartner
	backends  []*simBackend
	audit     verdict.Store // the checker's own look at the record
	evidence  *observations
	happened  *simTally

	parted  time.Time                      // when apps ended their subscriptions
	forgets time.Time                      // when a retention came into force; zero if none did
	late    []string                       // what should have been archived in the end
	left    map[string]verdict.Transaction // the record in the end, and the archive
	effects map[simOrder][]string          // the partners' ledgers in the end: the statuses of each order

	mu       sync.Mutex // guards what follows
	attempts map[string]int
	history  []line
}

// line is one entry of a universe's history.
type line struct {
	at   time.Duration // since the beginning
	who  string
	text string
	log  bool // from the gateway's log, which isn't part of the digest
}

func (l line) String() string { return fmt.Sprintf("%14.9f  %-10s %s", l.at.Seconds(), l.who, l.text) }

// plan is the size of a universe.
type plan struct {
	instances int
	keys      int
	banAfter  int  // status checks in a minute before a partner refuses
	retains   bool // in the end what is over goes to an archive
	patient   bool // the operator enables endpoints only then
}

func (u *universe) plan() plan {
	r := u.draw("plan")
	p := plan{instances: 1 + r.IntN(2), keys: 6 + r.IntN(5), banAfter: -1}
	if r.IntN(4) == 0 {
		p.banAfter = 2
	}
	p.retains = u.variant.keys == 0 && r.IntN(2) == 0
	p.patient = r.IntN(4) > 0
	if u.variant.keys > 0 {
		p.keys, p.banAfter = u.variant.keys, -1
	}
	return p
}

func newUniverse(seed uint64, v variant, dir string, happened *simTally) *universe {
	return &universe{
		seed: seed, variant: v, dir: dir, began: time.Now(), evidence: &observations{}, happened: happened,
		attempts: map[string]int{},
	}
}

func (u *universe) database() string { return "sqlite:" + filepath.Join(u.dir, "verdict.db") }

// draw returns the choices for the next attempt of an operation.
func (u *universe) draw(operation string) *rand.Rand {
	u.mu.Lock()
	attempt := u.attempts[operation]
	u.attempts[operation]++
	u.mu.Unlock()
	u.add(line{at: time.Since(u.began), who: "draw", text: fmt.Sprintf("%s %d", operation, attempt), log: true})
	return u.drawAttempt(operation, attempt)
}

// always returns the same choices whenever it is asked.
func (u *universe) always(operation string) *rand.Rand { return u.drawAttempt(operation, 0) }

func (u *universe) drawAttempt(operation string, attempt int) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%d", u.seed, operation, attempt))))
}

// between draws a duration to the nanosecond.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// newID is a transaction's id: a UUIDv7 in form, the seed's in content.
func (u *universe) newID(key string) string {
	r := u.draw("id of " + key)
	a, b := r.Uint64(), r.Uint64()
	a = a&^0xf000 | 0x7000
	b = b&^(3<<62) | 2<<62
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
}

// note adds to the history.
func (u *universe) note(who, format string, v ...any) {
	u.add(line{at: time.Since(u.began), who: who, text: fmt.Sprintf(format, v...)})
}

func (u *universe) add(l line) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.history = append(u.history, l)
}

// sorted returns the history in an order that doesn't depend on the scheduler.
func (u *universe) sorted() []line {
	u.mu.Lock()
	defer u.mu.Unlock()
	sorted := slices.Clone(u.history)
	slices.SortStableFunc(sorted, func(a, b line) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return strings.Compare(a.who+a.text, b.who+b.text)
	})
	return sorted
}

// digest is the same for two runs in which the same happened at the same nanoseconds.
func (u *universe) digest() string {
	h := sha256.New()
	for _, l := range u.sorted() {
		if !l.log {
			fmt.Fprintln(h, l)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// about returns the lines of the history that name any of the words, and all faults.
func (u *universe) about(words []string) string {
	var text strings.Builder
	for _, l := range u.sorted() {
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(l.text, w) || strings.Contains(l.who, w) }) ||
			l.who == "fault" {
			fmt.Fprintln(&text, l)
		}
	}
	return text.String()
}

// sleep waits, or returns early when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hits counts what a campaign came across.
type simTally struct {
	mu   sync.Mutex
	hits map[string]int
}

func newSimTally() *simTally { return &simTally{hits: map[string]int{}} }

func (c *simTally) hit(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hits[what]++
}

func (c *simTally) count(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits[what]
}
