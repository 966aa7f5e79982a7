package web

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"verdict"
	"verdict/web/auth"
)

// Limits bound the streams of an instance: SSE and WebSockets together.
type Limits struct {
	Connections int // in all; default 10,000
	PerUser     int // default 32; there is none where nobody is asked who they are
	PerTenant   int // default as many as Connections
	PerAddress  int // of a client; default 1,000
	Handshakes  int // new ones a second; default 1,000
}

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, 10_000)
	l.PerUser = cmp.Or(l.PerUser, 32)
	l.PerTenant = cmp.Or(l.PerTenant, l.Connections)
	l.PerAddress = cmp.Or(l.PerAddress, 1000)
	l.Handshakes = cmp.Or(l.Handshakes, 1000)
	return l
}

func (l Limits) validate() error {
	if min(l.Connections, l.PerUser, l.PerTenant, l.PerAddress, l.Handshakes) < 1 {
		return fmt.Errorf("the limits of streams are %+v; give numbers above zero", l)
	}
	return nil
}

// seats are the places of streams.
type seats struct {
	limits  Limits
	spread  time.Duration // over which the streams end when the instance stops
	rate    *rate.Limiter
	metrics *metrics

	mu        sync.Mutex // guards what follows
	taken     map[*seat]struct{}
	users     map[verdict.Audience]int
	tenants   map[string]int
	addresses map[string]int
	closing   bool
	empty     chan struct{} // closed when closing, and no seat is taken
}

// seat is a stream's place.
type seat struct {
	of        *seats
	user      verdict.Audience
	address   string
	transport string
	line      *line // nil until it begins
}

func newSeats(limits Limits, spread time.Duration, m *metrics) *seats {
	return &seats{
		limits: limits, spread: spread, rate: rate.NewLimiter(rate.Limit(limits.Handshakes), limits.Handshakes), metrics: m,
		taken: map[*seat]struct{}{}, users: map[verdict.Audience]int{}, tenants: map[string]int{}, addresses: map[string]int{},
		empty: make(chan struct{}),
	}
}

// enter returns a seat, or the refusal. Who got one must leave it.
func (s *seats) enter(p auth.Principal, address, transport string) (*seat, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reason, err := s.refuse(p, address); err != nil {
		s.metrics.refused.WithLabelValues(transport, reason).Inc()
		return nil, err
	}
	at := &seat{of: s, user: p.Audience, address: address, transport: transport}
	s.taken[at] = struct{}{}
	s.users[at.user]++
	s.tenants[at.user.Tenant]++
	s.addresses[address]++
	s.metrics.open.WithLabelValues(transport).Inc()
	return at, nil
}

// refuse says why there is no seat, for the metrics and for the client. The rate comes last: who is refused for another
// reason costs no handshake.
func (s *seats) refuse(p auth.Principal, address string) (reason string, err error) {
	switch {
	case s.closing:
		return "stopping", refusal{overloaded, "This instance stops. Connect again after the seconds in Retry-After."}
	case len(s.taken) >= s.limits.Connections:
		return "instance", refusal{overloaded, "There are too many streams. Connect again after the seconds in Retry-After."}
	case !p.Anonymous && s.users[p.Audience] >= s.limits.PerUser:
		return "user", tooManyStreams(s.limits.PerUser, "of one user")
	case s.tenants[p.Tenant] >= s.limits.PerTenant:
		return "tenant", tooManyStreams(s.limits.PerTenant, "of one tenant")
	case s.addresses[address] >= s.limits.PerAddress:
		return "address", tooManyStreams(s.limits.PerAddress, "from one address")
	case !s.rate.Allow():
		return "rate", refusal{overloaded, "Too many streams begin at once. Connect again after the seconds in Retry-After."}
	}
	return "", nil
}

func tooManyStreams(limit int, whose string) error {
	return refusal{tooMany, fmt.Sprintf("There are %d streams %s already, as many as there may be. Close one, or connect again after the seconds in Retry-After.", limit, whose)}
}

// hold lets the seat end its line when the instance stops.
func (at *seat) hold(l *line) {
	at.of.mu.Lock()
	defer at.of.mu.Unlock()
	at.line = l
	if at.of.closing {
		l.end(errStop)
	}
}

// leaveUnheld leaves a seat that no line has taken.
func (at *seat) leaveUnheld() {
	if at.line == nil {
		at.leave()
	}
}

func (at *seat) leave() {
	s := at.of
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.taken, at)
	decrement(s.users, at.user)
	decrement(s.tenants, at.user.Tenant)
	decrement(s.addresses, at.address)
	s.metrics.open.WithLabelValues(at.transport).Dec()
	if s.closing && len(s.taken) == 0 {
		close(s.empty)
	}
}

// decrement forgets what has come to nothing, so that a count holds no more than there is.
func decrement[K comparable](counts map[K]int, key K) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}

// perStream is how much time each stream adds to the time over which they end: a thousand handshakes a second are little
// work for the other instances.
const perStream = time.Millisecond

// cut ends the streams that are left.
func (s *seats) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.taken {
		if at.line != nil {
			at.line.wire.cut()
		}
	}
}

// close has each stream end at a moment of its own, and lets no other in. The channel is closed when the last has ended.
func (s *seats) close() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return s.empty
	}
	s.closing = true
	if len(s.taken) == 0 {
		close(s.empty)
	}
	within := min(s.spread, time.Duration(len(s.taken))*perStream)
	for at := range s.taken {
		if at.line != nil {
			time.AfterFunc(rand.N(within+1), func() { at.line.end(errStop) }) // #nosec G404 -- it spreads clients in time, and nothing depends on its being unguessable
		}
	}
	return s.empty
}
