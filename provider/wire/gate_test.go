package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"verdict"
)

func TestGateNeverCallsUnsentWhatPassed(t *testing.T) {
	passed, closed := 0, 0
	for range 20_000 {
		g := &gate{ready: func() error { return nil }}
		var through, began bool
		var sides sync.WaitGroup
		sides.Go(func() { through = g.pass() == nil })
		sides.Go(func() { began = g.close() })
		sides.Wait()
		if through != began {
			t.Fatalf("a write passed: %t, but the gate says %t", through, began)
		}
		if again := g.pass() == nil; again != began {
			t.Fatalf("a later write passed: %t, but the first one: %t", again, began)
		}
		if through {
			passed++
		} else {
			closed++
		}
	}
	t.Logf("%d passed, %d closed before", passed, closed)
}

// counted counts what is written to connections.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.bytes.Add(int64(n))
	return n, err
}

func TestNotAByteLeavesLate(t *testing.T) {
	var arrived atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	defer server.Close()
	var connections, bytes atomic.Int64
	c := open(t, server.URL, func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		connections.Add(1)
		return counted{conn, &bytes}, err
	})
	_, err := send(t, c, time.Now())
	if !errors.Is(err, verdict.ErrNotSent) || !strings.HasPrefix(err.Error(), "too late") {
		t.Errorf("got %v", err)
	}
	if connections.Load() != 1 || bytes.Load() != 0 || arrived.Load() != 0 {
		t.Errorf("%d connections, %d bytes, %d requests; want a connection and nothing on it",
			connections.Load(), bytes.Load(), arrived.Load())
	}
}

func TestDeadlineThatHasNotPassedLetsThrough(t *testing.T) {
	if err := inTime(t.Context(), time.Now().Add(time.Minute)); err != nil {
		t.Error(err)
	}
	if err := inTime(t.Context(), time.Time{}); !errors.Is(err, errLate) {
		t.Errorf("no deadline: got %v", err)
	}
}

// The monotonic clock stands still in a suspended machine, and the wall clock can be set: whichever is ahead counts.
func TestEitherClockEndsTheTimeToSend(t *testing.T) {
	now := time.Now()
	for name, deadline := range map[string]time.Time{
		"wall":      shifted(now.Add(-time.Second), time.Minute),
		"monotonic": shifted(now.Add(time.Minute), -time.Minute-time.Second),
	} {
		if err := inTime(t.Context(), deadline); !errors.Is(err, errLate) {
			t.Errorf("the deadline has passed by the %s clock alone: got %v", name, err)
		}
	}
	if d := shifted(now, time.Hour); !d.Round(0).Equal(now.Round(0)) || d.Sub(now) != time.Hour {
		t.Error("the clocks weren't told apart, so this test proves nothing")
	}
}

// shifted moves the monotonic reading of a time and leaves the wall clock's. The time package has no way to do it.
func shifted(t time.Time, by time.Duration) time.Time {
	(*struct {
		wall uint64
		ext  int64
	})(unsafe.Pointer(&t)).ext += int64(by)
	return t
}

func TestGateHoldsUnderTLS(t *testing.T) {
	var arrived atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	c := open(t, server.URL, nil)
	c.sends.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig
	if _, err := send(t, c, soon()); !errors.Is(err, verdict.ErrUncertain) || arrived.Load() != 1 {
		t.Errorf("cut: got %v, %d arrived", err, arrived.Load())
	}
	if _, err := send(t, c, time.Now()); !errors.Is(err, verdict.ErrNotSent) || arrived.Load() != 1 {
		t.Errorf("late: got %v, %d arrived", err, arrived.Load())
	}
}

// held is a context that keeps whoever asks for its end until it is released.
type held struct {
	context.Context
	asked, release chan struct{}
}

func (h held) Err() error {
	h.asked <- struct{}{}
	<-h.release
	return h.Context.Err()
}

func TestAnswerThatCameBeforeWeSpokeIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := open(t, "http://partner.example", func(context.Context, string, string) (net.Conn, error) { return near, nil })
		var partner sync.WaitGroup
		ctx := held{t.Context(), make(chan struct{}), make(chan struct{})}
		partner.Go(func() {
			<-ctx.asked // the first byte is at the gate
			if _, err := io.WriteString(far, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"); err != nil {
				t.Error(err)
			}
			if heard, err := io.ReadAll(far); len(heard) > 0 || err != nil {
				t.Errorf("the partner heard %q, %v", heard, err)
			}
		})
		r, err := c.Send(ctx, soon(), http.MethodPost, "orders", nil, []byte("{}"))
		if !errors.Is(err, verdict.ErrNotSent) || r.Status != http.StatusAccepted {
			t.Errorf("got %+v, %v", r, err)
		}
		close(ctx.release)
		partner.Wait()
	})
}

// net/http would repeat what it takes for harmless.
func TestSendIsNotRepeatedOnADyingKeptConnection(t *testing.T) {
	for _, tt := range []struct {
		method      string
		body        []byte
		connections int32 // that two submits take: the one that isn't safe on a kept connection is given its own
	}{
		{http.MethodPost, []byte("{}"), 1}, {http.MethodPut, []byte("{}"), 1}, {http.MethodPost, nil, 2}, {http.MethodPut, nil, 2},
	} {
		var connections, arrived atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if arrived.Add(1) > 1 {
				panic(http.ErrAbortHandler) // closes the kept connection
			}
			w.WriteHeader(http.StatusNoContent)
		}))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		server.Start()
		defer server.Close()
		c := open(t, server.URL, nil)
		replayable := http.Header{"Idempotency-Key": {"k"}} // net/http takes it for leave to send again
		send := func() error {
			_, err := c.Send(t.Context(), soon(), tt.method, "orders", replayable, tt.body)
			return err
		}
		if err := send(); err != nil {
			t.Fatal(err)
		}
		err := send()
		if !errors.Is(err, verdict.ErrUncertain) || arrived.Load() != 2 {
			t.Errorf("%s %q: got %v, %d requests; want it uncertain and sent once", tt.method, tt.body, err, arrived.Load())
		}
		if n := connections.Load(); n != tt.connections {
			t.Errorf("%s %q: %d connections, want %d; with one of its own for each this test proves nothing", tt.method, tt.body, n, tt.connections)
		}
	}
}

func open(t *testing.T, base string, dial dialFunc) *Client {
	t.Helper()
	c, err := New(base, dial, false, 8)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c *Client, deadline time.Time) (Reply, error) {
	return c.Send(t.Context(), deadline, http.MethodPost, "orders", nil, []byte(`{"amount":"100"}`))
}

func soon() time.Time { return time.Now().Add(verdict.MarkerTTL) }
