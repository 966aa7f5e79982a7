package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"verdict"
)

// crashPoints are the steps of the flow before and after each of which an instance is killed.
func crashPoints() []string {
	return []string{
		"commit",  // of a new transaction
		"publish", // of commands
		"marker",  // that goes on record before the first byte leaves
		"submit",
		"claim", // of a check, with its turn
		"check",
		"record reply", "record webhook", "record check", // with the change that each makes
		"record late", // what comes after the verdict
		"announce",    // to all instances
		"push",        // to the subscribers
	}
}

// A crasher kills its process the nth time that it passes a point.
type crasher struct {
	point string
	left  atomic.Int64
}

// crashAt returns an alteration that kills the process as "before marker:3" or "after marker:3" say.
func crashAt(where string) func(parts) parts {
	point, n, _ := strings.Cut(where, ":")
	times, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		panic(err)
	}
	c := &crasher{point: point}
	c.left.Store(times)
	return c.alter
}

func (c *crasher) pass(point string) {
	if point != c.point || c.left.Add(-1) != 0 {
		return
	}
	fmt.Fprintln(os.Stderr, "crash", point)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it strikes
}

// around does a step between its two points.
func (c *crasher) around(step string, do func()) {
	c.pass("before " + step)
	do()
	c.pass("after " + step)
}

func (c *crasher) alter(p parts) parts {
	p.store = c.store(p.store)
	p.bus = c.bus(p.bus)
	providers := map[string]verdict.Provider{}
	for name, inner := range p.providers {
		providers[name] = c.provider(inner)
	}
	p.providers = providers
	return p
}

func (c *crasher) store(inner verdict.Store) verdict.Store {
	s := newAlteredStore(inner)
	s.create = func(ctx context.Context, t verdict.Transaction) (stored verdict.Transaction, created bool, err error) {
		c.around("commit", func() { stored, created, err = inner.Create(ctx, t) })
		return stored, created, err
	}
	s.replace = func(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (stored verdict.Transaction, err error) {
		step := "marker"
		if e != nil {
			step = "record " + string(e.Source)
		}
		c.around(step, func() { stored, err = inner.Replace(ctx, next, e) })
		return stored, err
	}
	s.ask = func(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (stored verdict.Transaction, turn verdict.Turn, err error) {
		c.around("claim", func() { stored, turn, err = inner.Ask(ctx, next, b, now) })
		return stored, turn, err
	}
	s.record = func(ctx context.Context, id string, e verdict.Evidence) (err error) {
		c.around("record late", func() { err = inner.Record(ctx, id, e) })
		return err
	}
	return s
}

func (c *crasher) provider(inner verdict.Provider) verdict.Provider {
	p := newAlteredProvider(inner)
	p.submit = func(ctx context.Context, s verdict.Submission) (a verdict.Answer, err error) {
		c.around("submit", func() { a, err = inner.Submit(ctx, s) })
		return a, err
	}
	p.check = func(ctx context.Context, q verdict.Question) (a verdict.Answer, err error) {
		c.around("check", func() { a, err = inner.Check(ctx, q) })
		return a, err
	}
	return p
}

func (c *crasher) bus(inner bus) bus {
	b := newAlteredBus(inner)
	b.publish = func(ctx context.Context, commands []verdict.Command, events []verdict.Event) (err error) {
		step := "publish"
		if len(commands) == 0 {
			step = "announce"
		}
		c.around(step, func() { err = inner.Publish(ctx, commands, events) })
		return err
	}
	b.deliver = func(e verdict.Event, deliver func(verdict.Event)) {
		c.around("push", func() { deliver(e) })
	}
	return b
}

// testACrashAtEachPoint kills an instance under load for one partner before and after each step, and starts it again each
// time.
func testACrashAtEachPoint(t *testing.T, tally *tally, partner string) {
	s := newScene(t)
	s.orders = ordersOf(partner)
	g := s.newInstance("a")
	stop := s.load(100*time.Millisecond, g)
	for _, step := range crashPoints() {
		for _, point := range []string{"before " + step, "after " + step} {
			g.spawn(crashVariable + "=" + point + ":2")
			select {
			case <-g.process.done:
			case <-time.After(time.Minute):
				t.Fatalf("%s was not passed twice in a minute", point)
			}
			if log := g.process.log.String(); !strings.Contains(log, "\ncrash "+point+"\n") {
				t.Fatalf("it ended otherwise than by a crash %s:\n%s", point, log)
			}
			s.interrupted()
			tally.add(with("a crash "+point, partner), 1)
		}
	}
	g.start()
	stop()
	tally.count(s.mustBeRight())
}
