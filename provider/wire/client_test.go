package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/provider/providertest"
)

func TestURLIsRefusedWithTheMendAndWithoutItsSecret(t *testing.T) {
	for _, good := range []string{"http://partner.example", "https://partner.example:8443/api/"} {
		if _, err := New(good, nil, false, 1); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for base, want := range map[string]string{
		"":                                       "give an absolute",
		"partner.example":                        "give an absolute",
		"ftp://partner.example":                  "give an absolute",
		"https://:443":                           "give an absolute",
		"https://us:s3cret@partner.example:port": "give an absolute",
		"https://us:s3cret@partner.example":      "leave out",
		"https://partner.example/?key=s3cret":    "leave out",
		"https://partner.example/?":              "leave out",
		"https://partner.example/#s3cret":        "leave out",
	} {
		c, err := New(base, nil, false, 1)
		if c != nil || err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, want %q", base, err, want)
		}
	}
}

// told is what a request said.
type told struct {
	method, uri, body          string
	accept, contentType, token string
}

func TestRequestsSayWhatTheyShould(t *testing.T) {
	var got told
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		h := r.Header
		got = told{r.Method, r.RequestURI, string(body), h.Get("Accept"), h.Get("Content-Type"), h.Get("X-Token")}
		w.Header().Set("X-Answer", "yes")
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short and stout")
	}))
	defer server.Close()
	c := open(t, server.URL+"/api/", nil)
	header := http.Header{"X-Token": {"t"}, "Accept": {"text/html"}}
	form := http.Header{"Content-Type": {"text/plain"}}
	var seen Reply
	ctx := Watch(t.Context(), func(r Reply) { seen = r })
	for _, tt := range []struct {
		call func() (Reply, error)
		want told
	}{
		{func() (Reply, error) {
			return c.Send(ctx, soon(), http.MethodPost, "orders", header, []byte(`{"n":1}`))
		}, told{"POST", "/api/orders", `{"n":1}`, "text/html", "application/json", "t"}},
		{func() (Reply, error) {
			return c.Send(ctx, soon(), http.MethodPut, "/orders/a%2Fb", form, []byte("n=1"))
		}, told{"PUT", "/api/orders/a%2Fb", "n=1", "application/json", "text/plain", ""}},
		{func() (Reply, error) {
			return c.Call(ctx, time.Time{}, http.MethodPost, "token/", nil, []byte("{}"))
		}, told{"POST", "/api/token/", "{}", "application/json", "application/json", ""}},
		{func() (Reply, error) {
			return c.Call(ctx, time.Time{}, http.MethodGet, "orders/a%2Fb?n=%3F%26", nil, nil)
		}, told{"GET", "/api/orders/a%2Fb?n=%3F%26", "", "application/json", "", ""}},
	} {
		r, err := tt.call()
		if err != nil || r.Status != http.StatusTeapot || string(r.Body) != "short and stout" || r.Header.Get("X-Answer") != "yes" {
			t.Errorf("%s: got %+v, %v", tt.want.uri, r, err)
		}
		if got != tt.want {
			t.Errorf("told  %+v\nwant %+v", got, tt.want)
		}
		if seen.Status != http.StatusTeapot || seen.Header.Get("Date") == "" {
			t.Errorf("seen %+v", seen)
		}
		seen = Reply{}
	}
	if len(header) != 2 || header.Get("Accept") != "text/html" {
		t.Errorf("the caller's header was changed: %v", header)
	}
}

func TestEachRequestHasAConnectionOfItsOwnAndThereAreNoMoreAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const calls, limit = 50, 3
		pipe := providertest.NewPipe()
		server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) })}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(pipe) }) // until it is closed
		defer serving.Wait()
		defer server.Close()
		var connections atomic.Int32
		c, err := New("http://partner.example", func(ctx context.Context, network, address string) (net.Conn, error) {
			connections.Add(1)
			return pipe.Dial(ctx, network, address)
		}, false, limit)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		var callers sync.WaitGroup
		for range calls {
			callers.Go(func() {
				if _, err := c.Call(t.Context(), time.Time{}, http.MethodGet, "a", nil, nil); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if took := time.Since(start); connections.Load() != calls || took != (calls+limit-1)/limit*time.Second {
			t.Errorf("%d connections for %d calls in %s; want as many, and %d at a time", connections.Load(), calls, took, limit)
		}
	})
}

func TestErrorsOfCallsAreOfNoKind(t *testing.T) {
	c := open(t, "http://partner.example", func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	})
	_, err := c.Call(t.Context(), time.Time{}, http.MethodGet, "a", nil, nil)
	if fmt.Sprint(err) != "connection refused" || errors.Is(err, verdict.ErrUncertain) || errors.Is(err, verdict.ErrNotSent) {
		t.Errorf("call: got %v", err)
	}
	if _, err := send(t, c, soon()); fmt.Sprint(err) != "connection refused: it has had no effect" || !errors.Is(err, verdict.ErrNotSent) {
		t.Errorf("send: got %v", err)
	}
}

// A submit is spared the handshakes of one just before it. What net/http would repeat by itself, and what comes later, isn't.
func TestOnlySubmitsKeepTheirConnectionAndNotForLong(t *testing.T) {
	var connections atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	closed := make(chan struct{}, 10)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			connections.Add(1)
		case http.StateClosed:
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	c := open(t, server.URL, nil)
	for _, want := range []int32{1, 1} {
		if _, err := send(t, c, soon()); err != nil || connections.Load() != want {
			t.Errorf("submit: %v, %d connections, want %d", err, connections.Load(), want)
		}
	}
	for _, want := range []int32{2, 3} {
		if _, err := c.Call(t.Context(), soon(), http.MethodGet, "orders/1", nil, nil); err != nil || connections.Load() != want {
			t.Errorf("check: %v, %d connections, want %d", err, connections.Load(), want)
		}
	}
	late := time.After(30 * keepFor) // a busy machine may need some of it, and net/http would keep it for longer
	for range 3 {
		select {
		case <-closed:
		case <-late:
			t.Fatalf("the connection is kept for longer than %s", keepFor)
		}
	}
	if _, err := send(t, c, soon()); err != nil || connections.Load() != 4 {
		t.Errorf("submit: %v, %d connections, want 4", err, connections.Load())
	}
}

func TestAHostThatMustNotBeCalledIsNotCalled(t *testing.T) {
	c := open(t, "http://169.254.169.254", nil) // a cloud's metadata
	want := "the partner's host name points to a local address, which must not be called: it has had no effect"
	if _, err := send(t, c, soon()); fmt.Sprint(err) != want || !errors.Is(err, verdict.ErrNotSent) {
		t.Errorf("got %v", err)
	}
}
