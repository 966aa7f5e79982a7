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
	"strconv"
	"sync"
	"time"

	"verdict"
	"verdict/web/auth"
)

// Store is what web needs of the record. Its methods are those of verdict.Store.
type Store interface {
	Transaction(ctx context.Context, id string) (verdict.Transaction, error)
	Find(ctx context.Context, s verdict.Scope) (verdict.Transaction, error)
	History(ctx context.Context, id string) ([]verdict.Evidence, error)
	Settled(ctx context.Context, audience *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error)
	Unconfirmed(ctx context.Context, a verdict.Audience, after, until int64, limit int) ([]verdict.Transaction, error)
	Deliver(ctx context.Context, deliveries []verdict.Delivery) error
	Spend(ctx context.Context, name string, until time.Time) (first bool, err error)
	LastEventID(ctx context.Context) (int64, error)
	NoticesOf(ctx context.Context, transaction string) ([]verdict.Notice, error)
}

// Config is what a Server is made of. Where a default is named, the zero value means it.
type Config struct {
	Intake    *verdict.Intake
	Settler   *verdict.Settler
	Store     Store
	Feed      verdict.Feed
	Guard     *auth.Guard   // finds out who makes a request; default: everybody is the same user
	Tickets   auth.Tickets  // for streams of browsers
	Provider  string        // of requests that name none; one of the Intake's
	Language  string        // of messages when the app wants none of ours: "fr" (default) or "en"
	Hosts     []string      // by what names besides loopback's apps may call us; nil: by any
	Origins   []string      // whose pages may call us besides our own, as https://shop.example
	Proxies   Proxies       // whose X-Forwarded-For is believed
	Retention time.Duration // of idempotency keys, after the verdict; it is published
	Restored  bool          // the record is a copy of one that was lost: see verdict.WasRestored
	Limits    Limits        // of streams
	Rates     Rates         // of requests
	Heartbeat time.Duration // between signs of life on an idle stream; default 15 s
	Pushed    Pushed        // is told of each verdict when it is pushed for the first time; nil: nobody is
	Spread    time.Duration // over which streams are told to come back when the instance stops; 0: at once
	Log       *slog.Logger  // default: discard
}

// Pushed is called when a verdict was handed to the network towards an app, by a transport, and was to be since then. It must
// not block.
type Pushed func(e verdict.Event, since time.Time, transport string)

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
	retention []string // in seconds; the value of a header, as in security.go
	heartbeat time.Duration

	guard    *auth.Guard
	tickets  auth.Tickets
	hosts    []string
	origins  map[string]bool // allowed besides our own
	proxies  Proxies
	streams  *seats // of SSE streams and WebSockets
	rates    *rates // of requests
	waits    *gate  // requests that wait for their verdict
	journals *journals
	notes    *notes
	metrics  *metrics
	pushed   Pushed
	requests *requestMetrics
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
		retention: []string{strconv.FormatInt(int64(c.Retention/time.Second), 10)}, heartbeat: c.Heartbeat, origins: origins,
		guard: cmp.Or(c.Guard, auth.Anyone()), hosts: c.Hosts, tickets: c.Tickets, proxies: c.Proxies, metrics: newMetrics(), pushed: c.Pushed,
		waits: newGate(maxWaits), journals: newJournals(c.Store, c.Feed, c.Log),
	}
	s.streams = newSeats(c.Limits, c.Spread, s.metrics)
	s.rates = newRates(c.Rates, s.metrics)
	s.notes = newNotes(c.Store, func(err error) { c.Log.Warn("not noted what apps were told", "error", err) })
	s.requests = newRequestMetrics(c.Intake.Providers)
	s.router.preflight, s.router.refused, s.router.restored = s.preflight, s.requests.refused, c.Restored
	s.add(s.routes())
	return s, s.servePages()
}

func (c Config) withDefaults() Config {
	c.Language = cmp.Or(c.Language, "fr")
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.Limits = c.Limits.withDefaults()
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
	if c.Guard != nil && len(c.Tickets.Secret) < 32 {
		return fmt.Errorf("the secret of tickets has %d bytes; give 32", len(c.Tickets.Secret))
	}
	if c.Spread < 0 {
		return fmt.Errorf("streams are spread over %s; give 0s or more, such as 5s", c.Spread)
	}
	return errors.Join(c.Limits.validate(), c.Rates.validate())
}

func (s *Server) routes() []route {
	return []route{
		{"POST /transaction", s.forApps(s.appSubmit)},
		{"POST /v1/idempotency-keys", s.forApps(s.issueKey)},
		{"POST /v1/tickets", s.forApps(s.issueTicket)},
		{"POST /v1/transactions", s.forApps(s.submit)},
		{"GET /v1/transactions", s.forApps(s.find)},
		{"GET /v1/transactions/{id}", s.forApps(s.show)},
		{"POST /v1/transactions/{id}/ack", s.forApps(s.acknowledge)},
		{"GET /v1/transactions/{id}/timeline", s.forApps(s.timeline)},
		{"GET /v1/transactions/{id}/events", forEventSources(s.forStreams(s.stream(s.transactionEvents)))},
		{"GET /v1/events", forEventSources(s.forStreams(s.stream(s.allEvents)))},
		{"GET /v1/ws", s.forStreams(s.socket)},
		{"POST /webhooks/{provider}/{token}", s.webhook},
		{"PUT /webhooks/{provider}/{token}", s.webhook}, // as MoMo calls back
		{"GET /openapi.json", file("openapi.json", openapi)},
		{"GET /asyncapi.json", file("asyncapi.json", asyncapi)},
		{"GET /problems/{slug}", explain},
	}
}

// forApps is for what apps ask: of pages that may, by users that we know, not too often, and answered within requestTimeout.
func (s *Server) forApps(h handler) handler { return s.guardOrigin(s.limitRate(s.identify, h)) }

// forStreams is the same for streams, which last.
func (s *Server) forStreams(h handler) handler {
	return s.guardOrigin(s.limitRate(s.identifyByTicket, h))
}

// Drain tells the clients of all streams to come back, each at a moment of its own, and waits until they are gone or ctx
// ends; then it cuts those that are left. A client that doesn't read or doesn't answer is cut 12 s after its moment at the
// latest. Streams that would begin later are told to come back as well; everything else is served as before.
func (s *Server) Drain(ctx context.Context) error {
	defer s.notes.writing.stop()
	defer s.notes.writing.call()
	waits, streams := s.waits.close(), s.streams.close()
	for _, empty := range []<-chan struct{}{waits, streams} {
		select {
		case <-empty:
		case <-ctx.Done():
			s.streams.cut()
			return fmt.Errorf("drain streams: %w", context.Cause(ctx))
		}
	}
	return nil
}
