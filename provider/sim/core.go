package sim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	webhookTimeout    = 10 * time.Second // in the partner's time
	minWebhookTimeout = time.Second      // in real time
	maxDeliveries     = 1024             // webhooks under way; further ones are dropped
	maxBody           = 64 << 10         // bytes of a post
)

// core is what all simulated partners have in common. Its methods are safe for concurrent use.
type core struct {
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

func newCore(c Config) (*core, error) {
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
	p := &core{
		config: c, log: c.Log, mux: http.NewServeMux(), ledger: l, transactions: map[string]*transaction{},
		client: newClient(c.Transport), deliveries: make(chan struct{}, maxDeliveries),
	}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	p.guard = newGuard(c.BanAfter, p.scale(c.BanWindow), p.scale(c.BanFor))
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.remember()
	p.mux.HandleFunc("GET /ledger", p.showLedger)
	p.mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, p.Stats()) })
	return p, nil
}

// remember takes up what the ledger tells of earlier runs. Posts that had no effect are forgotten.
func (p *core) remember() {
	for _, e := range p.ledger.effects {
		t := p.transaction(e.ID)
		t.posts, t.status = max(t.posts, e.Post), e.Status
	}
}

// Close ends the partner's life: what it hasn't carried out by now never happens, webhooks under way are broken off,
// and requests that wait for their answer are cut. It returns when all that has ended, and may be called again.
func (p *core) Close() error {
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
func (p *core) Ledger() []Effect {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.copy("")
}

// Stats returns the counts so far.
func (p *core) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// transaction returns the one of that id, new if need be. mu is held, or nobody else is there yet.
func (p *core) transaction(id string) *transaction {
	t := p.transactions[id]
	if t == nil {
		t = &transaction{}
		p.transactions[id] = t
	}
	return t
}

// scale turns a duration of the partner's own time into real time.
func (p *core) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / p.config.Speed)
}

// ServeHTTP serves the partner's API. It panics with http.ErrAbortHandler to cut a connection, as net/http has it.
func (p *core) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// await waits until a job's answer is due, and reports false if the client left before. If the partner is closed
// meanwhile it cuts the connection.
func (p *core) await(r *http.Request, j *job) bool {
	select {
	case <-j.replied:
		return true
	case <-r.Context().Done():
		return false
	case <-p.ctx.Done():
		panic(http.ErrAbortHandler)
	}
}

// admit counts a check, and refuses it if the client asks too often.
func (p *core) admit(w http.ResponseWriter, r *http.Request) bool {
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	status, wait := p.guard.admit(client, time.Now())
	p.stats.Checks++
	if status == http.StatusOK {
		return true
	}
	p.stats.Throttled++
	p.stats.Bans = p.guard.bans
	if status == http.StatusTooManyRequests {
		seconds := int64((wait + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	w.WriteHeader(status)
	return false
}

func (p *core) showLedger(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	effects := p.ledger.copy(r.URL.Query().Get("id"))
	p.mu.Unlock()
	show(w, http.StatusOK, effects)
}

func show(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // a client that has left needs no answer
}

func complain(w http.ResponseWriter, status int, err error) {
	show(w, status, map[string]string{"error": err.Error()})
}
