package goclient

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are net.Pipe, so that a server runs in virtual time (testing/synctest).
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// heard is a request as a server heard it.
type heard struct {
	at     time.Time
	path   string // with its query
	header http.Header
	body   string
}

// server answers the first request as the first of its answers does, the second as the second; the last answers all that
// follow. It notes what it heard.
type server struct {
	answers []http.HandlerFunc
	mu      sync.Mutex // guards heard
	heard   []heard
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	s.mu.Lock()
	s.heard = append(s.heard, heard{time.Now(), r.URL.RequestURI(), r.Header.Clone(), string(body)})
	n := min(len(s.heard), len(s.answers)) - 1
	s.mu.Unlock()
	s.answers[n](w, r)
}

func (s *server) requests() []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// pauses are the times between requests.
func (s *server) pauses() []time.Duration {
	var pauses []time.Duration
	all := s.requests()
	for i := 1; i < len(all); i++ {
		pauses = append(pauses, all[i].at.Sub(all[i-1].at))
	}
	return pauses
}

// against runs a test in virtual time, with a client of a server that gives those answers.
func against(t *testing.T, answers []http.HandlerFunc, test func(*testing.T, *Client, *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &server{answers: answers}
		p := pipes{make(chan net.Conn), make(chan struct{})}
		httpServer := &http.Server{Handler: s}
		var serving sync.WaitGroup
		serving.Go(func() { _ = httpServer.Serve(p) })
		transport := &http.Transport{DialContext: p.dial}
		defer func() {
			transport.CloseIdleConnections()
			close(p.ended)
			_ = httpServer.Close()
			serving.Wait()
		}()
		test(t, &Client{Server: "http://pipe/", HTTP: &http.Client{Transport: transport}}, s)
	})
}

// abort breaks the connection off.
func abort(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// hang answers when the client is gone.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// says answers with a status, headers in turn, and a body.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// refuses answers with a problem document.
func refuses(status int, slug string, retry bool, header ...string) http.HandlerFunc {
	return says(status, fmt.Sprintf(`{"type":"/problems/%s","title":"T","status":%d,"detail":"D","retry_safe":%t,"new_key_safe":true}`, slug, status, retry), header...)
}

// streams answers with a stream of those texts, then does what comes after.
func streams(then http.HandlerFunc, texts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, strings.Join(texts, ""))
		_ = http.NewResponseController(w).Flush()
		then(w, r)
	}
}

func ends(http.ResponseWriter, *http.Request) {}

// event is an event of transaction t as the gateway tells it.
func event(id int64, status, stage string) string {
	return fmt.Sprintf("event: transaction\nid: %d\ndata: %s\n\n", id, view(id, status, stage))
}

func settled(id int64) string { return event(id, "succeeded", "settled") }

func view(version int64, status, stage string) string {
	return `{"id":"t","operation":"transfer","key":"k","provider":"djamo","status":"` + status + `","stage":"` + stage +
		`","version":` + strconv.FormatInt(version, 10) + `,"created_at":"2026-01-15T10:00:00.123Z"}`
}
