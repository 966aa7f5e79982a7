package web

import (
	"errors"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"verdict"
	"verdict/web/auth"
)

// Rates bound the requests of apps, a second each, after a burst of twice as many. 0: there is no bound.
//
// A partner's webhooks are not among them: one that is sent away may never come again, and a false one is found out by its
// token for less than a bucket costs.
type Rates struct {
	PerUser    int // of an app's user; a service speaks for many, so its requests count for the tenant alone
	PerTenant  int
	PerAddress int // of a client, before it is known who it is; loopback and our own proxies are nobody's
	Bodies     int // requests whose body is being read at once, webhooks too; 0: 2,000
}

const (
	// defaultBodies has them take 128 MiB at most.
	defaultBodies = 2000

	// maxBuckets bounds those of one kind, at some 200 bytes each.
	maxBuckets = 50_000
)

func (r Rates) validate() error {
	if min(r.PerUser, r.PerTenant, r.PerAddress, r.Bodies) < 0 {
		return errors.New("the limits of requests must be 0 or more")
	}
	return nil
}

// rates count what Rates bound.
type rates struct {
	users     *buckets[verdict.Audience]
	tenants   *buckets[string]
	addresses *buckets[netip.Addr]
	bodies    chan struct{} // of those being read
	metrics   *metrics
}

func newRates(r Rates, m *metrics) *rates {
	bodies := r.Bodies
	if bodies == 0 {
		bodies = defaultBodies
	}
	return &rates{
		users: newBuckets[verdict.Audience](r.PerUser), tenants: newBuckets[string](r.PerTenant),
		addresses: newBuckets[netip.Addr](r.PerAddress), bodies: make(chan struct{}, bodies), metrics: m,
	}
}

// refuse returns the refusal of a request, and counts it.
func (rs *rates) refuse(limit, whose string) error {
	rs.metrics.refusedRequests.WithLabelValues(limit).Inc()
	return refusal{tooOften, "This sending was not stored: there are too many requests " + whose + ". Send the same request again, with the same key, after the seconds in Retry-After."}
}

// fromAddress refuses a request if its address has sent too many.
func (s *Server) fromAddress(r *http.Request) error {
	if from, ofOne := s.proxies.forwarded(r); ofOne && !s.rates.addresses.take(from) {
		return s.rates.refuse("address", "from one address")
	}
	return nil
}

// by refuses a request if who makes it has made too many.
func (rs *rates) by(p auth.Principal) error {
	if p.Role == auth.App && !p.Anonymous && !rs.users.take(p.Audience) {
		return rs.refuse("user", "of one user")
	}
	if !p.Anonymous && !rs.tenants.take(p.Tenant) {
		return rs.refuse("tenant", "of one tenant")
	}
	return nil
}

// limitRate refuses what comes too often before it is found out who makes it, which costs a signature's verification, and
// again once that is known.
func (s *Server) limitRate(identify func(handler) handler, h handler) handler {
	known := identify(func(w http.ResponseWriter, r *http.Request) error {
		if err := s.rates.by(principal(r)); err != nil {
			return err
		}
		return h(w, r)
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := s.fromAddress(r); err != nil {
			return err
		}
		return known(w, r)
	}
}

// readBody is readBody for an app or a partner, unless too many are being read.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	select {
	case s.rates.bodies <- struct{}{}:
		defer func() { <-s.rates.bodies }()
		return readBody(w, r)
	default:
		s.metrics.refusedRequests.WithLabelValues("bodies").Inc()
		return nil, refusal{kind: overloaded}
	}
}

// buckets hold what each key has left.
type buckets[K comparable] struct {
	perSecond int // 0: any

	mu   sync.Mutex // guards left
	left map[K]*rate.Limiter
}

func newBuckets[K comparable](perSecond int) *buckets[K] {
	return &buckets[K]{perSecond: perSecond, left: map[K]*rate.Limiter{}}
}

// take reports whether there was something left.
func (b *buckets[K]) take(key K) bool {
	if b.perSecond == 0 {
		return true
	}
	now := time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket, ok := b.left[key]
	if !ok {
		b.makeRoom(now)
		bucket = rate.NewLimiter(rate.Limit(b.perSecond), b.burst())
		b.left[key] = bucket
	}
	return bucket.AllowN(now, 1)
}

func (b *buckets[K]) burst() int { return 2 * b.perSecond }

// makeRoom forgets buckets that are full again, which a new one is too. If all have been taken from, it forgets some of them:
// to forgive somebody is better than to refuse those who come new.
func (b *buckets[K]) makeRoom(now time.Time) {
	if len(b.left) < maxBuckets {
		return
	}
	for key, bucket := range b.left {
		if bucket.TokensAt(now) >= float64(b.burst()) {
			delete(b.left, key)
		}
	}
	for key := range b.left {
		if len(b.left) <= maxBuckets*7/8 { // so that the next thousands need not look again
			return
		}
		delete(b.left, key)
	}
}
