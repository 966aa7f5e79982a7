package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A logbook keeps what passed between app, gateway and partner.
type logbook struct {
	mu       sync.Mutex
	posts    []posting
	tellings []telling
	webhooks []hooking
	calls    []calling
}

// history returns a copy of what was noted so far.
func (l *logbook) history() history {
	l.mu.Lock()
	defer l.mu.Unlock()
	return history{
		posts: slices.Clone(l.posts), tellings: slices.Clone(l.tellings),
		webhooks: slices.Clone(l.webhooks), calls: slices.Clone(l.calls),
	}
}

// note adds an entry to one of the logs.
func note[T any](l *logbook, to *[]T, entry T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*to = append(*to, entry)
}

// noting is the transport of apps that submit: it notes each attempt and its answer.
type noting struct {
	inner http.RoundTripper
	log   *logbook
}

func (n noting) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var envelope struct {
		Provider string
		Payload  json.RawMessage
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	key, err := strconv.Unquote(r.Header.Get("Idempotency-Key"))
	if err != nil {
		return nil, err
	}
	p := posting{
		server: r.URL.Host, key: key, partner: envelope.Provider, content: string(envelope.Payload), sent: time.Now(),
	}
	out := r.Clone(r.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	answer, err := n.inner.RoundTrip(out)
	if err == nil {
		err = p.read(answer)
	}
	note(n.log, &n.log.posts, p)
	return answer, err
}

// read takes up an answer and leaves its body to be read again. An answer without its end counts as lost.
func (p *posting) read(answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var v view
	if answer.StatusCode < 300 {
		if err := json.Unmarshal(body, &v); err != nil {
			return err
		}
	}
	p.answered, p.status, p.id, p.state = time.Now(), answer.StatusCode, v.ID, v.Status
	p.replayed = answer.Header.Get("Idempotent-Replayed") == "true"
	return nil
}

// A passing is a request that a witness saw, and its answer.
type passing struct {
	at     time.Time // when it came
	method string
	path   string
	header http.Header
	body   []byte
	status int // of the answer; 0 if there was none
	reply  []byte
}

// A witness is a proxy that notes what passes. What it can't pass on it cuts, as a network would.
type witness struct {
	target  atomic.Value // host:port
	inner   http.RoundTripper
	note    func(passing)
	address string
}

func newWitness(t *testing.T, target string, inner http.RoundTripper, note func(passing)) *witness {
	w := &witness{inner: inner, note: note}
	w.target.Store(target)
	server := httptest.NewServer(w)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	w.address = server.Listener.Addr().String()
	return w
}

func (w *witness) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	seen := passing{at: time.Now(), method: r.Method, path: r.URL.Path, header: r.Header}
	var err error
	if seen.body, err = io.ReadAll(r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	answer, reply, err := w.pass(r, seen.body)
	if err != nil {
		w.note(seen)
		panic(http.ErrAbortHandler)
	}
	seen.status, seen.reply = answer.StatusCode, reply
	w.note(seen)
	maps.Copy(to.Header(), answer.Header)
	to.WriteHeader(answer.StatusCode)
	_, _ = to.Write(reply)
}

func (w *witness) pass(r *http.Request, body []byte) (answer *http.Response, reply []byte, err error) {
	url := "http://" + w.target.Load().(string) + r.URL.RequestURI()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, url, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	out.Header = r.Header.Clone()
	answer, err = w.inner.RoundTrip(out)
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	reply, err = io.ReadAll(answer.Body)
	return answer, reply, err
}

// webhook notes a call of a partner. The token in its path begins with the transaction's id.
func (l *logbook) webhook(p passing) {
	id, _, _ := strings.Cut(lastOf(p.path), ".")
	note(l, &l.webhooks, hooking{transaction: id, body: string(p.body), status: p.status})
}
