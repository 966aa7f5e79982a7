package sim

import (
	"io"
	"net/http"
)

// object is a transaction as the partner tells it.
type object struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	WebhookURL string `json:"webhookUrl,omitempty"`
}

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
	if !p.await(r, j) {
		return
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

// begin takes an order, unless the partner is closed.
func (p *Partner) begin(o order) (*job, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, false
	}
	t := p.register(o)
	j := &job{order: o, n: t.posts, replied: make(chan struct{})}
	j.tell = func(status string) (string, any) { return http.MethodPost, object{ID: o.ID, Status: status} }
	j.plan = draw(p.config.Seed, o.ID, j.n).plan(o.Simulate)
	t.shows = t.shows || j.plan.shows
	p.start(j)
	return j, true
}
