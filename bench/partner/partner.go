// Package partner is a third party that takes little processor time: it answers every submit at once, with the verdict, or with
// "pending", and then posts the verdict to the submit's webhook after a fixed time.
package partner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// againAfter is the pause before a webhook is posted again that wasn't answered with success.
const againAfter = time.Second

// Partner is an http.Handler:
//
//	POST /transaction      takes a submit, whose member "bench" is the number of the transaction
//	GET /transaction/{id}  answers a status check: still pending
//	GET /sent?after=N      the verdicts' first posts after the first N: lines of number and Unix nanoseconds
type Partner struct {
	settle time.Duration
	atOnce bool // the answer to a submit is its verdict
	http.Handler
	client *http.Client

	mu   sync.Mutex // guards sent
	sent []post
}

// post is when the webhook of a transaction was begun for the first time.
type post struct {
	number int64
	at     time.Time
}

// AtOnce returns a partner that answers with the verdict.
func AtOnce() *Partner {
	p := New(0)
	p.atOnce = true
	return p
}

// New returns a partner whose verdicts come so long after the submit.
func New(settle time.Duration) *Partner {
	mux := http.NewServeMux()
	p := &Partner{settle: settle, Handler: mux, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute, DisableCompression: true},
		Timeout:   30 * time.Second,
	}}
	mux.HandleFunc("POST /transaction", p.take)
	mux.HandleFunc("GET /transaction/{id}", func(w http.ResponseWriter, r *http.Request) { pending(w, r.PathValue("id")) })
	mux.HandleFunc("GET /sent", p.tell)
	return p
}

func (p *Partner) take(w http.ResponseWriter, r *http.Request) {
	var body struct{ ID, WebhookURL, Bench string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if p.atOnce {
		tell(w, body.ID, "completed")
		return
	}
	number, err := strconv.ParseInt(body.Bench, 10, 64)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pending(w, body.ID)
	time.AfterFunc(p.settle, func() { p.call(number, body.WebhookURL, body.ID) })
}

func pending(w http.ResponseWriter, id string) { tell(w, id, "pending") }

func tell(w http.ResponseWriter, id, status string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q,"status":%q}`, id, status)
}

// call posts the verdict until that is answered with success.
func (p *Partner) call(number int64, url, id string) {
	p.mu.Lock()
	p.sent = append(p.sent, post{number, time.Now()})
	p.mu.Unlock()
	for !p.post(url, fmt.Appendf(nil, `{"id":%q,"status":"completed"}`, id)) {
		time.Sleep(againAfter)
	}
}

func (p *Partner) post(url string, body []byte) (taken bool) {
	answer, err := p.client.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	return err == nil && answer.StatusCode < 300
}

func (p *Partner) tell(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	p.mu.Lock()
	sent := p.sent // it only grows
	p.mu.Unlock()
	if err != nil || after < 0 || after > len(sent) {
		http.Error(w, "after: give how many you know", http.StatusBadRequest)
		return
	}
	var text bytes.Buffer
	for _, s := range sent[after:] {
		fmt.Fprintln(&text, s.number, s.at.UnixNano())
	}
	_, _ = w.Write(text.Bytes()) // who doesn't take it asks again
}
