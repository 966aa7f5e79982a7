package target

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// partner is the third party of the transactions: it answers every submit with "pending" at once, and settles when it
// is told to, by calling the URL that came with the submit.
type partner struct {
	server   *http.Server
	listener net.Listener

	mu     sync.Mutex // guards orders
	orders map[string]*order
}

// order is a transaction as the partner knows it. What is behind placed is set before placed is closed.
type order struct {
	placed    chan struct{}
	reference string
	webhook   string
}

func openPartner() (*partner, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &partner{listener: l, orders: map[string]*order{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /transaction", p.take)
	mux.HandleFunc("GET /transaction/{id}", func(w http.ResponseWriter, r *http.Request) {
		pending(w, r.PathValue("id"))
	})
	p.server = &http.Server{Handler: mux}
	go p.server.Serve(l) // until close
	return p, nil
}

func (p *partner) url() string { return "http://" + p.listener.Addr().String() }

func (p *partner) close() { p.server.Close() }

// expect returns the order of a name that a submit will carry as "bench".
func (p *partner) expect(name string) *order {
	o := &order{placed: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.orders[name] = o
	return o
}

func (p *partner) take(w http.ResponseWriter, r *http.Request) {
	var body struct{ ID, WebhookURL, Bench string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	o, ok := p.orders[body.Bench]
	delete(p.orders, body.Bench)
	p.mu.Unlock()
	pending(w, body.ID)
	if ok {
		o.reference, o.webhook = body.ID, body.WebhookURL
		close(o.placed)
	}
}

func pending(w http.ResponseWriter, id string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q,"status":"pending"}`, id)
}

// settle calls the webhook.
func (o *order) settle(ctx context.Context) error {
	return post(ctx, o.webhook, fmt.Appendf(nil, `{"id":%q,"status":"completed"}`, o.reference))
}

// submit posts a transaction as an app, and returns its id when the partner has it. What is refused for now is sent
// again.
func submit(ctx context.Context, address, name string, o *order) (id string, err error) {
	for {
		id, again, err := submitOnce(ctx, address, name)
		if err == nil {
			select {
			case <-o.placed:
				return id, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		if !again {
			return "", err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return "", err
		}
	}
}

func submitOnce(ctx context.Context, address, name string) (id string, again bool, err error) {
	body := fmt.Sprintf(`{"payload":{"amount":"2500","currency":"XOF","bench":%q}}`, name)
	r, err := newJSON(ctx, "http://"+address+"/v1/transactions", []byte(body))
	if err != nil {
		return "", false, err
	}
	r.Header.Set("Idempotency-Key", "bench-"+url.PathEscape(name))
	answer, err := publisher.Do(r)
	if err != nil {
		return "", false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		again = answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable
		return "", again, fmt.Errorf("submit: %s", answer.Status)
	}
	var told struct{ ID string }
	err = json.NewDecoder(answer.Body).Decode(&told)
	return told.ID, false, err
}
