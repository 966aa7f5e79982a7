package sim

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const maxBody = 64 << 10 // bytes of a post

// object is a transaction as the partner tells it.
type object struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	WebhookURL string `json:"webhookUrl,omitempty"`
}

func (p *Partner) routes() {
	p.mux.HandleFunc("POST /transaction", p.post)
	p.mux.HandleFunc("GET /transaction/{id}", p.check)
	p.mux.HandleFunc("GET /ledger", p.showLedger)
	p.mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { show(w, http.StatusOK, p.Stats()) })
}

// ServeHTTP serves the partner's API. It panics with http.ErrAbortHandler to cut a connection, as net/http has it.
func (p *Partner) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// post takes an order and answers when, and as, its plan has it. The order lives on if the client leaves.
func (p *Partner) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		complain(w, http.StatusBadRequest, err)
		return
	}
	o, err := readOrder(body)
	if err != nil {
		complain(w, http.StatusBadRequest, err)
		return
	}
	j, ok := p.begin(o)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	select {
	case <-j.replied:
	case <-r.Context().Done():
		return
	case <-p.ctx.Done():
		panic(http.ErrAbortHandler)
	}
	switch j.plan.reply {
	case replyOK:
		show(w, http.StatusOK, object{o.ID, j.plan.status, o.WebhookURL})
	case replyTimeout:
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusGatewayTimeout)
		_, _ = io.WriteString(w, "Timeout")
	default:
		panic(http.ErrAbortHandler)
	}
}

// check answers with the last effect's status, "pending" before the first, or 404 if there is nothing to show.
func (p *Partner) check(w http.ResponseWriter, r *http.Request) {
	if !p.admit(w, r) {
		return
	}
	id := r.PathValue("id")
	o := object{ID: id}
	p.mu.Lock()
	if t := p.transactions[id]; t != nil {
		o.Status, o.WebhookURL = t.status, t.webhookURL
		if o.Status == "" && t.shows {
			o.Status = pending
		}
	}
	p.mu.Unlock()
	if o.Status == "" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	show(w, http.StatusOK, o)
}

// admit counts a check, and refuses it if the client asks too often.
func (p *Partner) admit(w http.ResponseWriter, r *http.Request) bool {
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

func (p *Partner) showLedger(w http.ResponseWriter, r *http.Request) {
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
