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
	var envelope struct{ Payload json.RawMessage }
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	key, err := strconv.Unquote(r.Header.Get("Idempotency-Key"))
	if err != nil {
		return nil, err
	}
	p := posting{server: r.URL.Host, key: key, content: string(envelope.Payload), sent: time.Now()}
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

// A witness is a proxy that notes what passes. What it can't pass on it cuts, as a network would.
type witness struct {
	target  atomic.Value // host:port
	inner   http.RoundTripper
	note    func(r *http.Request, body []byte, at time.Time, status int)
	address string
}

func newWitness(t *testing.T, target string, note func(*http.Request, []byte, time.Time, int)) *witness {
	w := &witness{inner: &http.Transport{DisableKeepAlives: true}, note: note} // so that nothing is sent twice
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
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	answer, reply, err := w.pass(r, body)
	if err != nil {
		w.note(r, body, at, 0)
		panic(http.ErrAbortHandler)
	}
	w.note(r, body, at, answer.StatusCode)
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

// webhook notes a call of the partner. The token in its path begins with the transaction's id.
func (l *logbook) webhook(r *http.Request, body []byte, _ time.Time, status int) {
	token := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	id, _, _ := strings.Cut(token, ".")
	note(l, &l.webhooks, hooking{transaction: id, body: string(body), status: status})
}

// call notes a call of the gateway.
func (l *logbook) call(r *http.Request, body []byte, at time.Time, _ int) {
	c := calling{at: at, submit: r.Method == http.MethodPost, transaction: r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]}
	if c.submit {
		var o struct{ ID string }
		_ = json.Unmarshal(body, &o) // an order without an id is one of transaction ""
		c.transaction = o.ID
	}
	note(l, &l.calls, c)
}
