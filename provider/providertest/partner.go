package providertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

const (
	reference  = "0198f000-0000-7000-8000-000000000001"
	webhookURL = "https://us.example/webhooks/partner/token"
	amount     = "10000000000000000001.10" // no float64 holds it
	patience   = 10 * time.Second          // for a call that should end by itself
)

// numbered returns a reference as transactions have it, a UUIDv7. The first is reference.
func numbered(n int) string { return fmt.Sprintf("0198f000-0000-7000-8000-%012d", n) }

// partner is an HTTP server that follows a script and keeps account of what reached it.
type partner struct {
	URL string

	mu    sync.Mutex
	calls []Call
}

// script answers a call.
type script func(w http.ResponseWriter, c Call)

// onTCP starts a partner on the loopback interface.
func (s suite) onTCP(t *testing.T, do script) *partner {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s.start(t, listener, "http://"+listener.Addr().String(), do)
}

// onPipe starts a partner in the bubble of the caller.
func (s suite) onPipe(t *testing.T, do script) (*partner, *Pipe) {
	pipe := NewPipe()
	return s.start(t, pipe, "http://partner.example", do), pipe
}

func (s suite) start(t *testing.T, listener net.Listener, url string, do script) *partner {
	p := &partner{URL: url}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // it didn't arrive
		}
		c := s.wire.Read(r, body)
		p.mu.Lock()
		p.calls = append(p.calls, c)
		p.mu.Unlock()
		do(w, c)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	return p
}

// arrived counts the calls with that reference that reached the partner.
func (p *partner) arrived(reference string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, c := range p.calls {
		if c.Reference == reference {
			n++
		}
	}
	return n
}

// answer sends something that the partner may well say to a call.
func (s suite) answer(w http.ResponseWriter, c Call) {
	for _, o := range outcomes {
		if r := s.wire.Tell(c, o); r.Status != 0 {
			send(w, r)
			return
		}
	}
	panic("the fixture's partner has no answer")
}

func send(w http.ResponseWriter, r Reply) {
	for name, values := range r.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Body) // the client may have left
}

// cut closes the connection, after whatever was written.
func cut(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func submission(reference string) verdict.Submission {
	return verdict.Submission{
		Reference: reference, WebhookURL: webhookURL, Deadline: time.Now().Add(verdict.MarkerTTL),
		Payload: []byte(`{"id":"the app's","amount":` + amount + `,"payer":"2250701020304"}`),
	}
}

func ask(reference string) verdict.Question {
	return verdict.Question{Reference: reference, Deadline: time.Now().Add(verdict.CheckTimeout)}
}

// call submits, or checks, with patience.
func call(t *testing.T, p verdict.Provider, submit bool) (verdict.Answer, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if submit {
		return p.Submit(ctx, submission(reference))
	}
	return p.Check(ctx, ask(reference))
}

// both runs a test for a submit and for a check.
func both(t *testing.T, test func(t *testing.T, submit bool)) {
	t.Run("submit", func(t *testing.T) { test(t, true) })
	t.Run("check", func(t *testing.T) { test(t, false) })
}

// kind names the kind of a submit's error, of which it must have exactly one.
func kind(t *testing.T, err error) string {
	t.Helper()
	var kinds []string
	if errors.Is(err, verdict.ErrNotSent) {
		kinds = append(kinds, "not sent")
	}
	if errors.Is(err, verdict.ErrUncertain) {
		kinds = append(kinds, "uncertain")
	}
	if _, ok := errors.AsType[*verdict.ThrottledError](err); ok {
		kinds = append(kinds, "throttled")
	}
	if len(kinds) != 1 {
		t.Fatalf("error %v is of the kinds %q, want exactly one", err, kinds)
	}
	text := err.Error()
	for _, address := range []string{"://", "127.0.0.1", "partner.example"} {
		if strings.Contains(text, address) || len(text) > 120 {
			t.Errorf("error %q isn't for the support desk: keep it short, without URLs and addresses", text)
		}
	}
	return kinds[0]
}

// wantError checks that a submit's error is of that kind, or that a check learned nothing.
func wantError(t *testing.T, submit bool, a verdict.Answer, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("got outcome %q, want an error", a.Outcome)
	}
	if a.Outcome != "" {
		t.Errorf("got outcome %q beside the error %v", a.Outcome, err)
	}
	got := kind(t, err)
	if (submit || want == "throttled" || got == "throttled") && got != want {
		t.Errorf("got %v, which is %s; want %s", err, got, want)
	}
}
