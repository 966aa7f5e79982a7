package stream

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"

	"verdict"
)

var _ verdict.Stream = (*Stream)(nil)

// The server's clock for access times is one goroutine for the whole process, made by whoever asks first. Asked for here
// it belongs to no bubble, and servers can run in many.
func TestMain(m *testing.M) {
	if file := os.Getenv(serveVariable); file != "" {
		if err := serveNATS(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	ats.Register()
	flag.Parse()
	_ = flag.Set("test.parallel", "32") // what is parallel here waits for elections; it doesn't compute
	os.Exit(m.Run())
}

// bubble runs a test in virtual time, with a real server on real files. It fails if a goroutine is left at the end.
func bubble(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { test(t, dir) })
}

// open opens a stream and closes it when the test ends.
func open(t testing.TB, cfg Config) *Stream {
	t.Helper()
	cfg.Log = slog.New(slog.NewTextHandler(logTo{t}, nil))
	s, err := Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.from = nil // so that it hears by the server what it publishes
	t.Cleanup(s.Close)
	return s
}

// join opens a stream on the server of another, as a second instance.
func join(t testing.TB, first *Stream) *Stream {
	t.Helper()
	s := &Stream{log: first.log, name: "joined"}
	if err := s.connect("", nats.InProcessServer(first.server.nats)); err != nil {
		t.Fatal(err)
	}
	s.begin()
	t.Cleanup(s.Close)
	return s
}

// logTo writes a log to that of the test, where it is seen if the test fails.
type logTo struct{ t testing.TB }

func (l logTo) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// background runs f until stop is called or the test ends, waits for it, and returns what it returned.
func background(t testing.TB, f func(ctx context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() { _ = stop() })
	return stop
}

type handler func(context.Context, verdict.Command) error

// work has h carry out the submits for djamo.
func work(t testing.TB, s *Stream, limit int, h handler) (stop func() error) {
	return background(t, func(ctx context.Context) error { return s.Work(ctx, "djamo", verdict.Submit, limit, h) })
}

func follow(t testing.TB, s *Stream, deliver func(verdict.Event)) (stop func() error) {
	return background(t, func(ctx context.Context) error { return s.Follow(ctx, deliver) })
}

func command(n int) verdict.Command {
	return verdict.Command{Kind: verdict.Submit, Transaction: fmt.Sprintf("t%d", n), Version: 1, Provider: "djamo"}
}

func commands(from, to int) (list []verdict.Command) {
	for n := from; n <= to; n++ {
		list = append(list, command(n))
	}
	return list
}

func event(n int) verdict.Event {
	return verdict.Event{
		ID: int64(n), Tenant: "shop", Owner: "ama", Transaction: fmt.Sprintf("t%d", n), Settled: true, Data: []byte(`{"id":"t"}`),
	}
}

// publish sends by the server alone, also to those who follow the same Stream.
func publish(t testing.TB, s *Stream, commands []verdict.Command, events []verdict.Event) {
	t.Helper()
	if err := s.send(context.Background(), commands, events); err != nil {
		t.Fatal(err)
	}
}

// diary notes when something happened to which transaction.
type diary struct {
	mu    sync.Mutex
	notes []note
}

type note struct {
	transaction string
	at          time.Time
}

func (d *diary) add(transaction string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, note{transaction, time.Now()})
}

// handle is a handler that succeeds at once.
func (d *diary) handle(_ context.Context, c verdict.Command) error {
	d.add(c.Transaction)
	return nil
}

func (d *diary) hear(e verdict.Event) { d.add(e.Transaction) }

func (d *diary) all() []note {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]note(nil), d.notes...)
}

// times counts how often each transaction is noted.
func (d *diary) times() map[string]int {
	times := map[string]int{}
	for _, n := range d.all() {
		times[n.transaction]++
	}
	return times
}

// until polls with a deadline, for what has no signal of its own.
func until(t testing.TB, what string, deadline time.Duration, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", deadline, what)
		}
	}
}
