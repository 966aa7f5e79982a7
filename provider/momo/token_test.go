package momo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/provider/providertest"
	"verdict/provider/wire"
)

// bank is a partner that counts what it is asked. It gives the tokens "token-1", "token-2", ... for an hour.
type bank struct {
	mu      sync.Mutex
	tokens  int
	fetches []string       // the credentials and the body of each fetch
	bearers map[string]int // calls with each token
	fetch   func(w http.ResponseWriter, n int)
	call    http.HandlerFunc
}

func (b *bank) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/collection/token/" {
		b.mu.Lock()
		b.bearers[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]++
		b.mu.Unlock()
		b.call(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	user, key, _ := r.BasicAuth()
	b.mu.Lock()
	b.tokens++
	n := b.tokens
	b.fetches = append(b.fetches, fmt.Sprint(r.Method, " ", user, " ", key, " ", r.Header.Get("Ocp-Apim-Subscription-Key"), " ", string(body)))
	b.mu.Unlock()
	b.fetch(w, n)
}

// counts returns how many calls came, and how many fetches.
func (b *bank) counts() (calls, fetches int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.bearers {
		calls += n
	}
	return calls, b.tokens
}

func give(w http.ResponseWriter, n int) {
	fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"access_token","expires_in":3600}`, n)
}

// beside returns the adapter of a partner that is served in memory, with no token as yet.
func beside(t *testing.T, b *bank) *Provider {
	b.bearers = map[string]int{}
	if b.fetch == nil {
		b.fetch = give
	}
	if b.call == nil {
		b.call = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }
	}
	pipe := providertest.NewPipe()
	server := &http.Server{Handler: b}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(pipe) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return unopened(t, "http://partner.example", pipe.Dial)
}

const ours = "0198f000-0000-7000-8000-000000000001"

func submission() verdict.Submission {
	return verdict.Submission{
		Reference: ours, Payload: []byte(`{"amount":"100","payer":"2250701020304"}`),
		WebhookURL: "https://us.example/w", Deadline: time.Now().Add(verdict.MarkerTTL),
	}
}

func TestTokenIsFetchedOnceForAllAndReplacedBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{
			fetch: func(w http.ResponseWriter, n int) { time.Sleep(time.Second); give(w, n) },
			call: func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusAccepted)
				}
				_, _ = io.WriteString(w, result(verdict.OutcomePending))
			},
		}
		p := beside(t, b)
		const callers = 50
		all := func(token string) {
			t.Helper()
			var calls sync.WaitGroup
			for i := range callers {
				calls.Go(func() {
					var err error
					if i%2 == 0 {
						_, err = p.Submit(t.Context(), submission())
					} else {
						_, err = p.Check(t.Context(), ask(ours))
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			calls.Wait()
			if b.bearers[token] != callers {
				t.Errorf("calls with each token: %v, want %d with %s", b.bearers, callers, token)
			}
		}
		all("token-1")
		time.Sleep(59*time.Minute - 2*time.Second) // the fetch took one second
		if _, n := b.counts(); n != 1 {
			t.Errorf("fetched %d times, want once", n)
		}
		if token, err := p.tokens.Get(t.Context()); token != "token-1" {
			t.Errorf("before its last minute: %q, %v", token, err)
		}
		time.Sleep(2 * time.Second)
		all("token-2")
		want := "POST user s3cret-key s3cret-subscription {}"
		if len(b.fetches) != 2 || b.fetches[0] != want || b.fetches[1] != want {
			t.Errorf("fetched by %q, want twice %q", b.fetches, want)
		}
	})
}

func TestWithoutATokenNothingIsSent(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, int) {
		return func(w http.ResponseWriter, _ int) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	for name, tt := range map[string]struct {
		fetch func(http.ResponseWriter, int)
		want  string
	}{
		"credentials refused": {answer(401, `{"error":"login_failed"}`), "no access token, check api_user, api_key and subscription_key"},
		"no length":           {answer(411, ""), "no access token, the partner answered 411"},
		"down":                {answer(503, "s3cret"), "no access token, the partner answered 503"},
		"a page":              {answer(200, "<html>s3cret</html>"), "no access token, the answer can't be read"},
		"empty":               {answer(200, "{}"), "no access token in the answer"},
		"no lifetime":         {answer(200, `{"access_token":"s3cret"}`), "no access token in the answer"},
		"over at once":        {answer(200, `{"access_token":"s3cret","expires_in":0}`), "no access token in the answer"},
		"negative":            {answer(200, `{"access_token":"s3cret","expires_in":-5}`), "no access token in the answer"},
		"smuggled header":     {answer(200, `{"access_token":"s3cret\r\nX-Evil: 1","expires_in":3600}`), "no access token in the answer"},
		"cut":                 {func(http.ResponseWriter, int) { panic(http.ErrAbortHandler) }, "no access token: the connection was closed without an answer"},
		"redirected": {func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", "/collection/token/")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}, "no access token, the partner answered 307"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := &bank{fetch: tt.fetch}
			p := beside(t, b)
			a, err := p.Submit(t.Context(), submission())
			if !errors.Is(err, verdict.ErrNotSent) || errors.Is(err, verdict.ErrUncertain) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", name, err, tt.want)
			}
			if a.Outcome != "" || a.Raw != nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: what was said in place of a token was passed on: %q, %v", name, a.Raw, err)
			}
			time.Sleep(wire.TokenPause)
			if _, err := p.Check(t.Context(), ask(ours)); !errors.Is(err, verdict.ErrNotSent) {
				t.Errorf("%s: check: got %v", name, err)
			}
			if calls, fetches := b.counts(); calls != 0 || fetches != 2 {
				t.Errorf("%s: %d calls, %d fetches; want none, and one for each of us", name, calls, fetches)
			}
		})
	}
}

func TestOneFailureIsEnoughForAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{fetch: func(w http.ResponseWriter, _ int) { time.Sleep(time.Second); w.WriteHeader(500) }}
		p := beside(t, b)
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				if _, err := p.Submit(t.Context(), submission()); !errors.Is(err, verdict.ErrNotSent) {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		if _, n := b.counts(); n != 1 || time.Since(epoch) != time.Second {
			t.Errorf("%d fetches in %s, want one in a second", n, time.Since(epoch))
		}
		b.fetch = give
		time.Sleep(wire.TokenPause)
		if a, err := p.Submit(t.Context(), submission()); err != nil || a.Outcome != verdict.OutcomePending {
			t.Errorf("once it is mended: got %q, %v", a.Outcome, err)
		}
	})
}

// epoch is when a bubble's time begins (see testing/synctest).
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestThrottledFetchThrottlesEveryCallUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{fetch: func(w http.ResponseWriter, _ int) { w.Header().Set("Retry-After", "90"); w.WriteHeader(429) }}
		p := beside(t, b)
		for range 9 {
			_, err := p.Submit(t.Context(), submission())
			throttled, ok := errors.AsType[*verdict.ThrottledError](err)
			if !ok || throttled.After != 90*time.Second || errors.Is(err, verdict.ErrNotSent) {
				t.Errorf("got %v, want to stay away for 90s", err)
			}
			time.Sleep(10 * time.Second)
		}
		b.fetch = give
		if _, err := p.Submit(t.Context(), submission()); err != nil {
			t.Error(err)
		}
		if _, n := b.counts(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
	})
}

func TestWaitForATokenEndsWithTheTimeToSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		b := &bank{fetch: func(http.ResponseWriter, int) { <-hung }}
		p := beside(t, b)
		defer close(hung)
		patient, impatient := submission(), submission()
		patient.Deadline = time.Now().Add(4 * time.Second)
		impatient.Deadline = time.Now().Add(2 * time.Second)
		var callers sync.WaitGroup
		ends := func(s verdict.Submission) {
			callers.Go(func() {
				_, err := p.Submit(t.Context(), s)
				if !errors.Is(err, verdict.ErrNotSent) || !time.Now().Equal(s.Deadline) {
					t.Errorf("after %s: %v; want it not sent at the deadline, %s", time.Since(epoch), err, s.Deadline.Sub(epoch))
				}
			})
			synctest.Wait()
		}
		ends(patient) // fetches
		ends(impatient)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.Check(ctx, ask(ours)); !errors.Is(err, verdict.ErrNotSent) || time.Since(epoch) != time.Second {
			t.Errorf("check after %s: %v", time.Since(epoch), err)
		}
		callers.Wait()
	})
}

func TestCallerThatGivesUpLeavesTheFetchToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.fetch = func(w http.ResponseWriter, n int) {
			if n > 1 {
				give(w, n)
				return
			}
			time.Sleep(time.Minute)
		}
		p := beside(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			if _, err := p.Submit(ctx, submission()); !errors.Is(err, verdict.ErrNotSent) {
				t.Errorf("the one that gives up: %v", err)
			}
		})
		synctest.Wait()
		callers.Go(func() {
			if _, err := p.Submit(t.Context(), submission()); err != nil {
				t.Errorf("the next: %v", err)
			}
		})
		synctest.Wait()
		cancel()
		callers.Wait()
		if _, n := b.counts(); n != 2 {
			t.Errorf("%d fetches, want 2", n)
		}
		time.Sleep(time.Minute) // until the first fetch has ended at the partner too
	})
}

func TestRefusedTokenIsForgottenAndTheCallHasHadNoEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bank{}
		b.call = func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "Bearer token-1" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.WriteHeader(http.StatusAccepted)
		}
		p := beside(t, b)
		if _, err := p.Submit(t.Context(), submission()); kindOf(err) != "not sent" {
			t.Errorf("refused: %v", err)
		}
		if _, err := p.Submit(t.Context(), submission()); !errors.Is(err, verdict.ErrNotSent) {
			t.Errorf("at once: got %v, want another token only after a second", err)
		}
		time.Sleep(wire.TokenPause)
		if a, err := p.Submit(t.Context(), submission()); err != nil || a.Outcome != verdict.OutcomePending {
			t.Errorf("with another token: %q, %v", a.Outcome, err)
		}
		_ = p.tokens.Refused("token-1") // a late 401 of a token that was replaced
		if token, err := p.tokens.Get(t.Context()); token != "token-2" {
			t.Errorf("the new token was forgotten for the old one's sake: %q, %v", token, err)
		}
		if calls, fetches := b.counts(); calls != 2 || fetches != 2 {
			t.Errorf("%d calls, %d fetches; want 2 of each", calls, fetches)
		}
	})
}
