// Package sim is a payment partner that misbehaves as the one in the field was seen to: it answers late or with a 504,
// carries out some of what it answered 504 to, forgets webhooks, acts again when an id is posted again, and bans clients
// that check too often. It keeps a ledger of every effect, against which a client's account can be compared.
//
// What a post meets with is drawn from the seed, the id, and how often the id has been posted: a run replays whatever
// the interleaving. It takes its time from package time alone, so it also runs in a synctest bubble, where every delay
// differs by nanoseconds at least.
//
// # Telling it what to do
//
// A post may have a member "simulate", an object whose members override one choice each. What is left out is drawn as
// ever, and what isn't understood is answered 400. Times count from the request, in the partner's own time, 0s to 1h;
// they come up to 10 ms later, so that no two things happen in the same nanosecond.
//
//	status         completed, declined
//	reply          ok; timeout (504); lost (carried out, then the connection is cut); refused (cut, and no effect)
//	reply_after    such as 2s
//	settles        true, false: whether what timed out is carried out
//	settles_after  such as 60s
//	webhook        none; once; twice; early (before the reply); contradict (a second one with the other status)
//	webhook_after  such as 15s, but not before the effect; an early one brings the effect forward, and comes half-way
//	               to the reply unless it is told when
package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Config says how the partner behaves. The zero value is the partner as it was seen, in real time, with no memory
// across restarts.
type Config struct {
	Seed  int64   // the same seed misbehaves in the same way
	Speed float64 // all of the partner's times are divided by it; 0: 1, real time

	// The partner's limits on checks are unpublished; these are our choice. A client (an IP address) may check BanAfter
	// times in any BanWindow. The next check gets a 429 with Retry-After; one more before that is over gets a 403, as
	// does every check for BanFor from then on.
	BanAfter  int           // 0: 30; below 0: checks are never refused
	BanWindow time.Duration // 0: a minute
	BanFor    time.Duration // 0: 5 minutes

	Ledger    string            // a file of JSON lines that effects are appended to and read from at the start; "": none
	Transport http.RoundTripper // carries the webhooks; nil: TCP
	Log       *slog.Logger      // nil: none
}

const (
	webhookTimeout    = 10 * time.Second // in the partner's time
	minWebhookTimeout = time.Second      // in real time
	maxDeliveries     = 1024             // webhooks under way; further ones are dropped
)

// Partner is the misbehaving partner. It serves
//
//	POST /transaction        {"id", "webhookUrl", ...}
//	GET  /transaction/{id}
//	GET  /ledger, /ledger?id= the effects, as a JSON array of Effect
//	GET  /stats              Stats
//
// and is safe for concurrent use.
type Partner struct {
	config     Config
	log        *slog.Logger
	mux        *http.ServeMux
	guard      *guard
	client     *http.Client
	deliveries chan struct{} // holds a token for each webhook under way
	ctx        context.Context
	stop       context.CancelFunc
	work       sync.WaitGroup

	mu           sync.Mutex // guards what follows; never held during a call
	closed       bool
	ledger       *ledger
	transactions map[string]*transaction
	stats        Stats
}

// transaction is what the partner knows under one id.
type transaction struct {
	posts      int    // how often it was posted
	shows      bool   // a post was begun that shows as pending until it is carried out
	status     string // of the last effect; "" before the first
	webhookURL string // of the last post
}

// Stats counts what the partner did since it was started.
type Stats struct {
	Posts     int          `json:"posts"`
	Repeated  int          `json:"repeated"`  // posts of an id that had been posted before
	Checks    int          `json:"checks"`    // all of them
	Throttled int          `json:"throttled"` // checks answered 429 or 403
	Bans      int          `json:"bans"`
	Webhooks  WebhookStats `json:"webhooks"`
}

// WebhookStats counts webhooks, each once.
type WebhookStats struct {
	Sent    int `json:"sent"`    // answered 2xx
	Failed  int `json:"failed"`  // posted, and not answered 2xx
	Dropped int `json:"dropped"` // never posted: no usable URL, too many under way, or the partner was closed
}

// New starts a partner. It returns an error if the configuration makes no sense or the ledger can't be read.
func New(c Config) (*Partner, error) {
	c.Speed = cmp.Or(c.Speed, 1)
	c.BanAfter = cmp.Or(c.BanAfter, 30)
	c.BanWindow = cmp.Or(c.BanWindow, time.Minute)
	c.BanFor = cmp.Or(c.BanFor, 5*time.Minute)
	if !(c.Speed > 0) || c.BanWindow < 0 || c.BanFor < 0 {
		return nil, errors.New("sim: give a speed, ban window and ban time above zero, or zero for the defaults")
	}
	l, err := openLedger(c.Ledger)
	if err != nil {
		return nil, fmt.Errorf("sim: ledger: %w", err)
	}
	p := &Partner{
		config: c, log: c.Log, mux: http.NewServeMux(), ledger: l, transactions: map[string]*transaction{},
		client: newClient(c.Transport), deliveries: make(chan struct{}, maxDeliveries),
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.guard = newGuard(c.BanAfter, p.scale(c.BanWindow), p.scale(c.BanFor))
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.remember()
	p.routes()
	return p, nil
}

// remember takes up what the ledger tells of earlier runs. Posts that had no effect are forgotten.
func (p *Partner) remember() {
	for _, e := range p.ledger.effects {
		t := p.transaction(e.ID)
		t.posts, t.status = max(t.posts, e.Post), e.Status
	}
}

// Close ends the partner's life: what it hasn't carried out by now never happens, webhooks under way are broken off,
// and requests that wait for their answer are cut. It returns when all that has ended, and may be called again.
func (p *Partner) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.stop()
	p.work.Wait()
	p.client.CloseIdleConnections()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.close()
}

// Ledger returns every effect so far, in the order in which they happened.
func (p *Partner) Ledger() []Effect {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.copy("")
}

// Stats returns the counts so far.
func (p *Partner) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// transaction returns the one of that id, new if need be. mu is held, or nobody else is there yet.
func (p *Partner) transaction(id string) *transaction {
	t := p.transactions[id]
	if t == nil {
		t = &transaction{}
		p.transactions[id] = t
	}
	return t
}

// scale turns a duration of the partner's own time into real time.
func (p *Partner) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / p.config.Speed)
}
