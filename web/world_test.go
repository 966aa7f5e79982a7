package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
	"verdict/web/auth"
)

// anyone is the user of requests where nobody is asked who they are.
var anyone = verdict.Audience{Tenant: "default", Owner: "app"}

// patience is how long a test waits for what must happen. Nothing is asserted of how long it took.
const patience = 10 * time.Second

// feed is a verdict.Feed that tells what the relay publishes. A muted one keeps it back until told by hand.
type feed struct {
	mu    sync.Mutex
	next  int
	subs  map[int]subscriber
	muted bool
}

type subscriber struct {
	topic   verdict.Topic
	deliver func(verdict.Event)
}

func (f *feed) Subscribe(topic verdict.Topic, deliver func(verdict.Event)) func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	id := f.next
	f.subs[id] = subscriber{topic, deliver}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.subs, id)
	}
}

func (f *feed) tell(e verdict.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(f.subs)) {
		s := f.subs[id]
		mine := s.topic.Audience == verdict.Audience{Tenant: e.Tenant, Owner: e.Owner}
		if mine && (s.topic.Transaction == "" || s.topic.Transaction == e.Transaction) {
			s.deliver(e)
		}
	}
}

func (f *feed) subscribers() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs)
}

func (f *feed) Publish(_ context.Context, _ []verdict.Command, events []verdict.Event) error {
	f.mu.Lock()
	muted := f.muted
	f.mu.Unlock()
	for _, e := range events {
		if !muted {
			f.tell(e)
		}
	}
	return nil
}

// partner reads webhooks such as {"status":"succeeded"}.
type partner struct{ verdict.Provider }

func (partner) Traits() verdict.Traits { return verdict.Traits{WebhookSettles: true} }

func (partner) ReadWebhook(body []byte) (verdict.Answer, error) {
	var w struct{ Status verdict.Outcome }
	if err := json.Unmarshal(body, &w); err != nil {
		return verdict.Answer{}, errors.New("not a webhook of ours")
	}
	return verdict.Answer{Outcome: w.Status, Reason: "the partner's word"}, nil
}

// world is a Server on the real intake and settler, with what a test moves by hand.
type world struct {
	t      testing.TB
	store  *memory
	feed   *feed
	intake *verdict.Intake
	settle *verdict.Settler
	config Config
	server *Server
	logs   *logs
}

// logs collects what is logged.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newWorld(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, store: newMemory(), feed: &feed{subs: map[int]subscriber{}}, logs: &logs{}}
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	relay := verdict.NewRelay(w.feed, log)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = relay.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	var ids atomic.Int64
	providers := map[string]verdict.Provider{"djamo": partner{}, "other": partner{}}
	w.intake = &verdict.Intake{
		Store: w.store, Relay: relay, Providers: providers, Log: log, Mode: verdict.EitherKeys,
		Keys:  verdict.Keys{Secret: []byte("secret"), Life: time.Hour},
		NewID: func() string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", ids.Add(1)) },
	}
	w.settle = &verdict.Settler{
		Store: w.store, Relay: relay, Providers: providers, Tokens: verdict.Tokens{Secret: make([]byte, 32)}, Log: log,
		Planner: verdict.NewPlanner(w.store, providers, verdict.DefaultSchedule(), verdict.Asking{}),
	}
	w.config = Config{
		Intake: w.intake, Settler: w.settle, Store: w.store, Feed: w.feed, Provider: "djamo", Log: log,
		Origins: []string{"https://shop.example"}, Retention: 24 * time.Hour, Tickets: auth.Tickets{Secret: make([]byte, 32)},
	}
	for _, f := range change {
		f(&w.config)
	}
	var err error
	if w.server, err = New(w.config); err != nil {
		t.Fatal(err)
	}
	return w
}

// accept puts a transaction of the caller's on record.
func (w *world) accept(key string) verdict.Transaction {
	w.t.Helper()
	return w.acceptFor(anyone, key)
}

func (w *world) acceptFor(a verdict.Audience, key string) verdict.Transaction {
	w.t.Helper()
	t, _, err := w.intake.Accept(context.Background(), verdict.Request{
		Scope:    verdict.Scope{Tenant: a.Tenant, Owner: a.Owner, Operation: "transaction", Key: key},
		Provider: "djamo", Payload: []byte(`{"amount":1500}`),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// settled settles a transaction and returns it.
func (w *world) settled(t verdict.Transaction, outcome verdict.Outcome) verdict.Transaction {
	w.t.Helper()
	e := verdict.Evidence{Source: verdict.SourceCheck, Outcome: outcome, At: time.Now()}
	if err := w.settle.Settle(context.Background(), t.ID, e); err != nil {
		w.t.Fatal(err)
	}
	return w.current(t.ID)
}

func (w *world) current(id string) verdict.Transaction {
	w.t.Helper()
	t, err := w.store.Transaction(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

// mute keeps events back from subscribers.
func (w *world) mute() {
	w.feed.mu.Lock()
	defer w.feed.mu.Unlock()
	w.feed.muted = true
}

// do serves a request; header holds names and values in turn.
func (w *world) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	return answer
}

// listen serves on loopback; the address is like http://127.0.0.1:1234.
func (w *world) listen() string {
	w.t.Helper()
	server := httptest.NewServer(w.server)
	w.t.Cleanup(server.Close)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.server.Drain(ctx); err != nil {
			w.t.Error(err)
		}
	})
	return server.URL
}

// eventually polls for what no signal tells.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

func decode[T any](t *testing.T, from io.Reader) T {
	t.Helper()
	var v T
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// wantProblem checks an answer to be a problem of a kind.
func wantProblem(t *testing.T, answer *httptest.ResponseRecorder, k kind) problem {
	t.Helper()
	if answer.Code != k.status || answer.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("answered %d %s %q, want %d", answer.Code, answer.Header().Get("Content-Type"), answer.Body, k.status)
	}
	p := decode[problem](t, answer.Body)
	if p.Type != k.path() || p.Status != k.status || p.RetrySafe != k.retry || p.NewKeySafe != k.newKey {
		t.Fatalf("problem %+v, want %+v", p, k)
	}
	later := k.retry && (k.status == http.StatusServiceUnavailable || k.status == http.StatusConflict || k.status == http.StatusTooManyRequests)
	if later != (answer.Header().Get("Retry-After") != "") {
		t.Fatalf("%d with Retry-After %q", k.status, answer.Header().Get("Retry-After"))
	}
	return p
}
