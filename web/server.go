// Package web is what the outside sees of Verdict: the HTTP API for apps, the partners' webhooks, the streams that push
// verdicts (SSE and WebSocket), the demo page and the OpenAPI document that describes them all. Beside them, on a listener
// of its own, it serves what package admin has for operators.
//
// Handlers return an error and one place answers and logs it: see problem.go.
package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"verdict"
)

// Store is what web reads of the record. Its methods are those of verdict.Store.
type Store interface {
	Transaction(ctx context.Context, id string) (verdict.Transaction, error)
	Find(ctx context.Context, s verdict.Scope) (verdict.Transaction, error)
	History(ctx context.Context, id string) ([]verdict.Evidence, error)
	Settled(ctx context.Context, audience *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error)
	LastEventID(ctx context.Context) (int64, error)
}

// Config is what a Server is made of. Where a default is named, the zero value means it.
type Config struct {
	Intake         *verdict.Intake
	Settler        *verdict.Settler
	Store          Store
	Feed           verdict.Feed
	Provider       string        // of requests that name none; one of the Intake's
	Language       string        // of messages when the app wants none of ours: "fr" (default) or "en"
	Origins        []string      // whose pages may call us besides our own, as https://shop.example
	Retention      time.Duration // of idempotency keys, after the verdict; it is published
	Heartbeat      time.Duration // between signs of life on an idle stream; default 15 s
	MaxConnections int           // SSE streams and WebSockets together; default 10,000
	Log            *slog.Logger  // default: discard
}

const (
	// requestTimeout bounds everything but streams. It is longer than the longest Prefer: wait.
	requestTimeout = 45 * time.Second

	// storeTimeout bounds one read of the record on behalf of a stream.
	storeTimeout = 10 * time.Second

	// writeTimeout is how long a stream's client may take to accept one write.
	writeTimeout = 10 * time.Second

	// maxWaits is how many requests may wait for their verdict (Prefer: wait) at once; more are answered at once.
	maxWaits = 1000
)

// Server is the http.Handler of all that web offers. Set ReadHeaderTimeout and IdleTimeout on the http.Server around it.
// Streams set their own deadlines; for the sake of Prefer: wait a WriteTimeout, if any, must be longer than 45 s.
type Server struct {
	*router
	intake    *verdict.Intake
	settler   *verdict.Settler
	store     Store
	feed      verdict.Feed
	provider  string
	language  string
	retention string // in seconds
	heartbeat time.Duration

	origins  map[string]bool // allowed besides our own
	streams  *gate           // SSE streams and WebSockets
	waits    *gate           // requests that wait for their verdict
	journals *journals
	buffers  sync.Pool // of WebSockets, lent for the time of a write
}

// New returns a Server, or an error that says what is wrong with the configuration and the mend.
func New(c Config) (*Server, error) {
	if c.Intake == nil || c.Settler == nil || c.Store == nil || c.Feed == nil {
		return nil, errors.New("web: give an intake, a settler, a store and a feed")
	}
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	origins, err := readOrigins(c.Origins)
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	s := &Server{
		router: newRouter(c.Intake.NewID, c.Log),
		intake: c.Intake, settler: c.Settler, store: c.Store, feed: c.Feed, provider: c.Provider, language: c.Language,
		retention: strconv.FormatInt(int64(c.Retention/time.Second), 10), heartbeat: c.Heartbeat, origins: origins,
		streams: newGate(c.MaxConnections), waits: newGate(maxWaits), journals: newJournals(c.Store, c.Feed, c.Log),
	}
	s.router.preflight = s.preflight
	s.add(s.routes())
	return s, s.servePage()
}

func (c Config) withDefaults() Config {
	c.Language = cmp.Or(c.Language, "fr")
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.MaxConnections = cmp.Or(c.MaxConnections, 10_000)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	if _, ok := c.Intake.Providers[c.Provider]; !ok {
		return fmt.Errorf("the default provider %q is not configured; name one that is", c.Provider)
	}
	if !speaks(c.Language) {
		return fmt.Errorf("the language is %q; give fr or en", c.Language)
	}
	if c.Retention < 0 {
		return fmt.Errorf("the retention of keys is %s; give 0s or more, such as 24h", c.Retention)
	}
	if c.Heartbeat < 0 {
		return fmt.Errorf("the heartbeat is %s; give a time above zero, such as 15s", c.Heartbeat)
	}
	if c.MaxConnections < 0 {
		return fmt.Errorf("%d connections; give a number above zero", c.MaxConnections)
	}
	return nil
}

func (s *Server) routes() []route {
	return []route{
		{"POST /transaction", s.forApps(brief(s.appSubmit))},
		{"POST /v1/idempotency-keys", s.forApps(brief(s.issueKey))},
		{"POST /v1/transactions", s.forApps(brief(s.submit))},
		{"GET /v1/transactions", s.forApps(brief(s.find))},
		{"GET /v1/transactions/{id}", s.forApps(brief(s.show))},
		{"GET /v1/transactions/{id}/timeline", s.forApps(brief(s.timeline))},
		{"GET /v1/transactions/{id}/events", s.forApps(s.stream(s.transactionEvents))},
		{"GET /v1/events", s.forApps(s.stream(s.allEvents))},
		{"GET /v1/ws", s.forApps(s.socket)},
		{"POST /webhooks/{provider}/{token}", s.webhook},
		{"PUT /webhooks/{provider}/{token}", s.webhook}, // as MoMo calls back
		{"GET /openapi.json", file("openapi.json", openapi)},
		{"GET /problems/{slug}", explain},
	}
}

// caller is who makes a request. All callers are one as yet.
func caller(*http.Request) verdict.Audience {
	return verdict.Audience{Tenant: "default", Owner: "app"}
}

// Drain tells the clients of all streams to come back, each in its own time, and waits until they are gone or ctx ends.
// A client that doesn't read or doesn't answer is cut after 11 s at the latest. Streams that would begin later are told
// to come back as well; everything else is served as before.
func (s *Server) Drain(ctx context.Context) error {
	waits, streams := s.waits.close(), s.streams.close()
	for _, empty := range []<-chan struct{}{waits, streams} {
		select {
		case <-empty:
		case <-ctx.Done():
			return fmt.Errorf("drain streams: %w", context.Cause(ctx))
		}
	}
	return nil
}
