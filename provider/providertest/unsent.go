package providertest

import (
	"context"
	"errors"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

func (s suite) refusedConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	both(t, func(t *testing.T, submit bool) {
		a, err := call(t, s.open(t, "http://"+listener.Addr().String(), nil), submit)
		wantError(t, submit, a, err, "not sent")
	})
}

func (s suite) failedTLS(t *testing.T) {
	var arrived atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS() // with a certificate that nobody trusts
	defer server.Close()
	a, err := call(t, s.open(t, server.URL, nil), true)
	wantError(t, true, a, err, "not sent")
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func (s suite) silentTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := NewPipe()
		go func() {
			conn, err := pipe.Accept()
			if err != nil {
				return
			}
			<-t.Context().Done()
			_ = conn.Close()
		}()
		provider := s.open(t, "https://partner.example", pipe.Dial)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a, err := provider.Submit(ctx, submission(reference))
		wantError(t, true, a, err, "not sent")
	})
}

func (s suite) cancelledBefore(t *testing.T) {
	p := s.onTCP(t, s.answer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, err := s.open(t, p.URL, nil).Submit(ctx, submission(reference))
	wantError(t, true, a, err, "not sent")
	if n := p.arrived(reference); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func (s suite) cancelledConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := NewPipe() // where nobody accepts
		t.Cleanup(func() { _ = pipe.Close() })
		provider := s.open(t, "http://partner.example", pipe.Dial)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		a, err := provider.Submit(ctx, submission(reference))
		wantError(t, true, a, err, "not sent")
	})
}

func (s suite) lateBefore(t *testing.T) {
	p := s.onTCP(t, s.answer)
	provider := s.open(t, p.URL, nil)
	for _, deadline := range []time.Time{{}, time.Now().Add(-time.Nanosecond)} {
		late := submission(reference)
		late.Deadline = deadline
		a, err := provider.Submit(t.Context(), late)
		wantError(t, true, a, err, "not sent")
	}
	late := ask(reference)
	late.Deadline = time.Now().Add(-time.Nanosecond)
	if a, err := provider.Check(t.Context(), late); err == nil {
		t.Errorf("a check past its deadline: got %q, want an error", a.Outcome)
	}
	if n := p.arrived(reference); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func (s suite) lateConnecting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, pipe := s.onPipe(t, s.answer)
		slow := func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(3 * time.Second)
			return pipe.Dial(ctx, network, address)
		}
		provider := s.open(t, p.URL, slow)
		late := submission(reference)
		late.Deadline = time.Now().Add(3*time.Second - 1)
		a, err := provider.Submit(t.Context(), late)
		wantError(t, true, a, err, "not sent")
		if n := p.arrived(reference); n != 0 {
			t.Errorf("%d requests arrived", n)
		}
		intime := submission(reference)
		intime.Deadline = time.Now().Add(3*time.Second + 1)
		if _, err := provider.Submit(t.Context(), intime); err != nil && errors.Is(err, verdict.ErrNotSent) {
			t.Errorf("a nanosecond before the deadline: %v", err)
		}
	})
}

// unsentNeverArrives breaks off calls at all moments of their life, and compares what was said with what arrived.
func (s suite) unsentNeverArrives(t *testing.T) {
	const calls, abreast = 400, 8
	p := s.onTCP(t, s.answer)
	provider := s.open(t, p.URL, nil)
	var unsent [calls]bool
	var lanes sync.WaitGroup
	for lane := range abreast {
		lanes.Go(func() {
			for i := lane; i < calls; i += abreast {
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(2*time.Millisecond))
				_, err := provider.Submit(ctx, submission(numbered(i)))
				cancel()
				unsent[i] = errors.Is(err, verdict.ErrNotSent)
			}
		})
	}
	lanes.Wait()
	said := 0
	for i := range calls {
		if n := p.arrived(numbered(i)); unsent[i] && n > 0 || n > 1 {
			t.Errorf("call %d: arrived %d times, said to be unsent: %t", i, n, unsent[i])
		}
		if unsent[i] {
			said++
		}
	}
	if said == 0 {
		t.Error("no call was broken off before it was sent; the test proves nothing")
	}
	t.Logf("%d of %d calls were said to be unsent", said, calls)
}
