package providertest

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

func (s suite) partnerErrors(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		for _, status := range []int{400, 500, 502, 503, 504} {
			p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, Reply{Status: status, Body: "Timeout"}) })
			a, err := call(t, s.open(t, p.URL, nil), submit)
			wantError(t, submit, a, err, "uncertain")
		}
	})
}

func (s suite) unauthorized(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, Reply{Status: http.StatusUnauthorized}) })
		a, err := call(t, s.open(t, p.URL, nil), submit)
		if s.wire.Authenticates {
			wantError(t, submit, a, err, "not sent")
		} else {
			wantError(t, submit, a, err, "uncertain")
		}
		if n := p.arrived(reference); n != 1 {
			t.Errorf("%d calls arrived, want 1", n)
		}
	})
}

func (s suite) cutConnection(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		p := s.onTCP(t, func(http.ResponseWriter, Call) { panic(http.ErrAbortHandler) })
		a, err := call(t, s.open(t, p.URL, nil), submit)
		wantError(t, submit, a, err, "uncertain")
		if n := p.arrived(reference); n != 1 {
			t.Errorf("%d calls arrived, want 1", n)
		}
	})
}

func (s suite) readsNothing(t *testing.T) {
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
		provider := s.open(t, "http://partner.example", pipe.Dial)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a, err := provider.Submit(ctx, submission(reference))
		wantError(t, true, a, err, "uncertain")
	})
}

// resetsAtOnce leaves open whether the reset comes before our first byte or after it: both are seen.
func (s suite) resetsAtOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*net.TCPConn).SetLinger(0) // so that Close resets
			_ = conn.Close()
		}
	})
	defer accepting.Wait()
	defer listener.Close()
	provider := s.open(t, "http://"+listener.Addr().String(), nil)
	for range 50 {
		a, err := call(t, provider, true)
		if err == nil || kind(t, err) == "throttled" {
			t.Fatalf("got %q, %v", a.Outcome, err)
		}
	}
}

func (s suite) brokenAnswers(t *testing.T) {
	whole := func(c Call) Reply { return s.wire.Tell(c, firstTellable(s.wire, c)) }
	scripts := map[string]script{
		"truncated": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Header = http.Header{"Content-Length": {strconv.Itoa(len(r.Body))}}
			r.Body = r.Body[:len(r.Body)/2]
			send(w, r)
			cut(w)
		},
		"whole JSON, but the rest is missing": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Header = http.Header{"Content-Length": {strconv.Itoa(len(r.Body) + 1)}}
			send(w, r)
			cut(w)
		},
		"oversized": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Body += strings.Repeat(" ", 1<<20)
			send(w, r)
		},
		"oversized head": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Header = http.Header{"X-Padding": {strings.Repeat("x", 1<<20)}}
			send(w, r)
		},
		"HTML": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Body = "<html>completed</html>"
			send(w, r)
		},
		"a member twice": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Body = gossip
			send(w, r)
		},
		"two answers": func(w http.ResponseWriter, c Call) {
			r := whole(c)
			r.Body += r.Body
			send(w, r)
		},
	}
	for name, do := range scripts {
		t.Run(name, func(t *testing.T) {
			both(t, func(t *testing.T, submit bool) {
				p := s.onTCP(t, do)
				a, err := call(t, s.open(t, p.URL, nil), submit)
				wantError(t, submit, a, err, "uncertain")
				quotesNothing(t, err)
				if len(a.Raw) > verdict.MaxRaw {
					t.Errorf("kept %d bytes", len(a.Raw))
				}
			})
		})
	}
}

func (s suite) endlessAnswer(t *testing.T) {
	const chunks, buffered = 128, 64 // MiB; what the kernel takes for us counts as written
	both(t, func(t *testing.T, submit bool) {
		written := make(chan int, 1)
		p := s.onTCP(t, func(w http.ResponseWriter, _ Call) {
			n := 0
			defer func() { written <- n }()
			for chunk := make([]byte, 1<<20); n < chunks; n++ {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})
		a, err := call(t, s.open(t, p.URL, nil), submit)
		wantError(t, submit, a, err, "uncertain")
		if n := <-written; n > buffered || len(a.Raw) > verdict.MaxRaw {
			t.Errorf("took %d MiB, kept %d bytes", n, len(a.Raw))
		}
	})
}

// firstTellable returns an outcome that the partner can tell in a body.
func firstTellable(w Wire, c Call) verdict.Outcome {
	for _, o := range outcomes {
		if w.Tell(c, o).Body != "" {
			return o
		}
	}
	panic("the fixture's partner never answers with a body")
}

func (s suite) otherTransaction(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		c := Call{Submit: submit, Reference: reference}
		other := Call{Submit: submit, Reference: numbered(2)}
		if o := firstTellable(s.wire, c); s.wire.Tell(c, o).Body == s.wire.Tell(other, o).Body {
			t.Skip("the partner's answers don't name the transaction")
		}
		p := s.onTCP(t, func(w http.ResponseWriter, c Call) {
			c.Reference = other.Reference
			send(w, s.wire.Tell(c, firstTellable(s.wire, c)))
		})
		a, err := call(t, s.open(t, p.URL, nil), submit)
		wantError(t, submit, a, err, "uncertain")
	})
}

func (s suite) redirect(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			p := s.onTCP(t, func(w http.ResponseWriter, c Call) {
				send(w, Reply{Status: status, Header: http.Header{"Location": {"/elsewhere"}}})
			})
			a, err := call(t, s.open(t, p.URL, nil), submit)
			wantError(t, submit, a, err, "uncertain")
			if len(p.calls) != 1 {
				t.Errorf("%d: %d calls arrived, want 1", status, len(p.calls))
			}
		}
	})
}

func (s suite) cancelledWaiting(t *testing.T) {
	arrived := make(chan struct{})
	release := make(chan struct{})
	p := s.onTCP(t, func(http.ResponseWriter, Call) { close(arrived); <-release })
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	a, err := s.open(t, p.URL, nil).Submit(ctx, submission(reference))
	wantError(t, true, a, err, "uncertain")
}

func (s suite) slowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pause time.Duration
		p, pipe := s.onPipe(t, func(w http.ResponseWriter, c Call) {
			time.Sleep(pause)
			send(w, s.wire.Tell(c, firstTellable(s.wire, c)))
		})
		provider := s.open(t, p.URL, pipe.Dial)
		patience := provider.Traits().SubmitTimeout
		for _, pause = range []time.Duration{patience - 1, patience + 1} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			start := time.Now()
			a, err := provider.Submit(ctx, submission(reference))
			cancel()
			if pause < patience && (err != nil || a.Outcome == "") {
				t.Errorf("after %s: got %q, %v", pause, a.Outcome, err)
			}
			if pause > patience {
				wantError(t, true, a, err, "uncertain")
			}
			if took := time.Since(start); took != min(pause, patience) {
				t.Errorf("took %s, want %s", took, min(pause, patience))
			}
			time.Sleep(time.Second) // until the partner has ended too
		}
	})
}

// noResend kills the connection when a second request comes on it. net/http sends a request again of its own accord if
// it takes it for idempotent and the connection was used before.
func (s suite) noResend(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		p := s.onTCP(t, func(w http.ResponseWriter, c Call) {
			if c.Reference == reference {
				panic(http.ErrAbortHandler)
			}
			send(w, s.wire.Tell(c, firstTellable(s.wire, c)))
		})
		provider := s.open(t, p.URL, nil)
		for i := range 3 {
			if _, err := provider.Submit(t.Context(), submission(numbered(10+i))); err != nil {
				t.Fatal(err)
			}
		}
		a, err := call(t, provider, submit)
		wantError(t, submit, a, err, "uncertain")
		if n := p.arrived(reference); n != 1 {
			t.Errorf("arrived %d times, want once", n)
		}
	})
}

func (s suite) concurrent(t *testing.T) {
	tell := func(c Call) verdict.Outcome {
		o := outcomes[c.Reference[len(c.Reference)-1]%2]
		if s.wire.Tell(c, o).Status == 0 {
			return firstTellable(s.wire, c)
		}
		return o
	}
	p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, s.wire.Tell(c, tell(c))) })
	provider := s.open(t, p.URL, nil)
	var calls sync.WaitGroup
	for i := range 64 {
		calls.Go(func() {
			c := Call{Submit: true, Reference: numbered(i)}
			a, err := provider.Submit(t.Context(), submission(c.Reference))
			if err != nil || a.Outcome != tell(c) {
				t.Errorf("submit %d: got %q, %v; want %s", i, a.Outcome, err, tell(c))
			}
			c.Submit = false
			a, err = provider.Check(t.Context(), ask(c.Reference))
			if err != nil || a.Outcome != tell(c) {
				t.Errorf("check %d: got %q, %v; want %s", i, a.Outcome, err, tell(c))
			}
		})
	}
	calls.Wait()
}
