package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

func TestSubmitIsAcceptedAndRepeated(t *testing.T) {
	w := newWorld(t)
	body := `{"operation":"transfer","provider":"other","payload":{"b":2, "a":1.50}}`
	first := w.do("POST", "/v1/transactions", body, "Idempotency-Key", `"k 1"`)
	view := decode[verdict.View](t, first.Body)
	if first.Code != http.StatusAccepted || view.Status != verdict.Pending || view.Key != "k 1" || view.Operation != "transfer" || view.Provider != "other" {
		t.Fatalf("answered %d %+v", first.Code, view)
	}
	if got := string(w.current(view.ID).Payload); got != `{"b":2, "a":1.50}` {
		t.Errorf("the payload isn't as it came: %s", got)
	}
	w.settled(w.current(view.ID), verdict.OutcomeFailed)
	again := w.do("POST", "/v1/transactions", body, "Idempotency-Key", `"k 1"`)
	if again.Code != http.StatusOK || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("repeated: %d, replayed %q", again.Code, again.Header().Get("Idempotent-Replayed"))
	}
	for _, answer := range []*httptest.ResponseRecorder{first, again} {
		if at := answer.Header().Get("Location"); at != "/v1/transactions/"+view.ID {
			t.Errorf("Location %q", at)
		}
	}
	if got := again.Body.String(); got != string(w.current(view.ID).Event().Data) {
		t.Errorf("answered %s, want the bytes of the event", got)
	}
}

func TestSubmitDefaults(t *testing.T) {
	w := newWorld(t)
	view := decode[verdict.View](t, w.do("POST", "/v1/transactions", `{"payload":{}}`, "Idempotency-Key", "k1").Body)
	if view.Operation != "transaction" || view.Provider != "djamo" {
		t.Errorf("%+v", view)
	}
	if _, replayed := w.do("POST", "/transaction", `{"id":"k1"}`).Header()["Idempotent-Replayed"]; !replayed {
		t.Error("the same key of the same operation is another transaction")
	}
}

func TestBadSubmitsAreRefusedWithTheMend(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		key    string
		kind   kind
		detail string
	}{
		"no key":           {`{"payload":{}}`, "", missingKey, "Idempotency-Key"},
		"key of 300":       {`{"payload":{}}`, strings.Repeat("k", 300), invalidRequest, "Idempotency-Key: give 1 to 255"},
		"empty quoted key": {`{"payload":{}}`, `""`, invalidRequest, "Idempotency-Key: give 1 to 255"},
		"open quote":       {`{"payload":{}}`, `"k1`, invalidRequest, "closing quote"},
		"no payload":       {`{"operation":"transfer"}`, "k1", invalidRequest, "payload"},
		"payload a list":   {`{"payload":[]}`, "k1", invalidRequest, "payload: give a JSON object"},
		"large payload":    {`{"payload":{"n":"` + strings.Repeat("x", 17<<10) + `"}}`, "k1", invalidRequest, "at most 16384"},
		"unknown member":   {`{"payload":{},"operatoin":"x"}`, "k1", invalidRequest, `"operatoin" is not known`},
		"other case":       {`{"Payload":{}}`, "k1", invalidRequest, `"Payload" is not known`},
		"two payloads":     {`{"payload":{},"payload":{}}`, "k1", invalidRequest, "stands twice"},
		"operation number": {`{"operation":1,"payload":{}}`, "k1", invalidRequest, "operation: give a string"},
		"empty operation":  {`{"operation":"","payload":{}}`, "k1", invalidRequest, "operation: give 1 to 64"},
		"provider null":    {`{"provider":null,"payload":{}}`, "k1", invalidRequest, "provider: give a string"},
		"unknown provider": {`{"provider":"nobody","payload":{}}`, "k1", invalidRequest, "provider"},
		"10 MB":            {`{"payload":{"n":"` + strings.Repeat("x", 10<<20) + `"}}`, "k1", tooLarge, "64 KiB"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := wantProblem(t, w.do("POST", "/v1/transactions", c.body, "Idempotency-Key", c.key), c.kind)
			if !strings.Contains(p.Detail, c.detail) {
				t.Errorf("detail %q doesn't say %q", p.Detail, c.detail)
			}
			if w.store.count("Create") != 0 {
				t.Error("the store was asked to create it")
			}
		})
	}
}

func TestTroubleWithTheRecordIsToldWithoutItsWords(t *testing.T) {
	for name, c := range map[string]struct {
		trouble error
		kind    kind
	}{
		"overloaded": {verdict.ErrOverloaded, overloaded},
		"uncertain":  {fmt.Errorf("commit: %w", verdict.ErrUncertain), unavailable},
		"disk":       {errors.New("disk i/o error at /var/secret"), unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.store.fail(c.trouble)
			p := wantProblem(t, w.do("POST", "/v1/transactions", `{"payload":{}}`, "Idempotency-Key", "k1"), c.kind)
			if strings.Contains(p.Detail, "secret") {
				t.Errorf("the detail has the store's words: %q", p.Detail)
			}
			if logged := strings.Contains(w.logs.String(), p.Instance); p.Instance != "" && !logged {
				t.Error("the log doesn't name the instance")
			}
			wantProblem(t, w.do("GET", "/v1/transactions/x", ""), c.kind)
			wantProblem(t, w.do("GET", "/v1/transactions?key=x", ""), c.kind)
		})
	}
}

func TestTransactionsAreFound(t *testing.T) {
	w := newWorld(t)
	tr := w.settled(w.accept("k&1"), verdict.OutcomeSucceeded)
	want := string(tr.Event().Data)
	for _, path := range []string{
		"/v1/transactions/" + tr.ID, "/v1/transactions?key=k%261", "/v1/transactions?key=k%261&operation=transaction",
	} {
		answer := w.do("GET", path, "")
		if answer.Code != http.StatusOK || answer.Body.String() != want || answer.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
		}
	}
	wantProblem(t, w.do("GET", "/v1/transactions/nobody", ""), noTransaction)
	wantProblem(t, w.do("GET", "/v1/transactions?key=other", ""), noTransaction)
	wantProblem(t, w.do("GET", "/v1/transactions?key=k%261&operation=transfer", ""), noTransaction)
	wantProblem(t, w.do("GET", "/v1/transactions", ""), missingKey)
}

func TestWhatARestoredRecordLacksIsNotSafeToSendAgain(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Restored = true })
	for _, path := range []string{"/v1/transactions/nobody", "/v1/transactions?key=other", "/v1/transactions/nobody/events"} {
		p := wantProblem(t, w.do("GET", path, ""), notInCopy)
		if p.RetrySafe || !strings.Contains(p.Detail, "restored from a copy") {
			t.Errorf("%s: %+v", path, p)
		}
	}
	wantProblem(t, w.do("GET", "/v1/transactions", ""), missingKey)
}

func TestOthersTransactionsAreNotFound(t *testing.T) {
	w := newWorld(t)
	for _, a := range []verdict.Audience{{Tenant: "default", Owner: "else"}, {Tenant: "else", Owner: "app"}} {
		tr := w.acceptFor(a, "k1")
		for _, path := range []string{"", "/timeline", "/events"} {
			wantProblem(t, w.do("GET", "/v1/transactions/"+tr.ID+path, ""), noTransaction)
		}
		wantProblem(t, w.do("GET", "/v1/transactions?key=k1", ""), noTransaction)
	}
}

func TestPreferWaitAnswersWithTheVerdict(t *testing.T) {
	w := newWorld(t)
	answered := make(chan *httptest.ResponseRecorder)
	go func() {
		answered <- w.do("POST", "/v1/transactions", `{"payload":{"amount":1500}}`, "Idempotency-Key", "k1", "Prefer", "wait=90")
	}()
	eventually(t, "the request watches", func() bool { return w.feed.subscribers() == 1 && w.store.count("Transaction") == 1 })
	w.settled(w.current("00000000-0000-7000-8000-000000000001"), verdict.OutcomeSucceeded)
	answer := <-answered
	if view := decode[verdict.View](t, answer.Body); answer.Code != http.StatusOK || view.Status != verdict.Succeeded {
		t.Errorf("answered %d %+v", answer.Code, view)
	}
	if got := answer.Header().Get("Preference-Applied"); got != "wait=30" {
		t.Errorf("Preference-Applied %q: not bounded to 30", got)
	}
	if w.feed.subscribers() != 0 {
		t.Error("it still watches")
	}
}

// settleBeforeRead settles a transaction after the watch has begun and before the record is read: the feed tells nothing.
type settleBeforeRead struct {
	Store
	world *world
}

func (s settleBeforeRead) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	if s.world.feed.subscribers() == 0 {
		s.world.t.Error("the record is read before the feed is subscribed to")
	}
	s.world.mute()
	if t := s.world.current(id); !t.Settled() {
		s.world.settled(t, verdict.OutcomeSucceeded)
	}
	return s.Store.Transaction(ctx, id)
}

func TestVerdictBetweenSubmitAndWatchIsNotMissed(t *testing.T) {
	w := newWorld(t)
	w.server.store = settleBeforeRead{w.store, w}
	answer := w.do("POST", "/v1/transactions", `{"payload":{}}`, "Idempotency-Key", "k1", "Prefer", "wait=30")
	if answer.Code != http.StatusOK {
		t.Errorf("answered %d %s", answer.Code, answer.Body)
	}
}

func TestPreferWaitEndsPending(t *testing.T) {
	for name, c := range map[string]struct {
		stop  func(*world, context.CancelFunc)
		after time.Duration
	}{
		"by draining":        {func(w *world, _ context.CancelFunc) { _ = w.server.Drain(context.Background()) }, 0},
		"with the request":   {func(_ *world, cancel context.CancelFunc) { cancel() }, 0},
		"when time has gone": {func(*world, context.CancelFunc) {}, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				r := httptest.NewRequestWithContext(ctx, "POST", "/v1/transactions", strings.NewReader(`{"payload":{}}`))
				r.Header.Set("Idempotency-Key", "k1")
				r.Header.Set("Prefer", "wait=30")
				began := time.Now()
				done := make(chan int)
				go func() {
					answer := httptest.NewRecorder()
					w.server.ServeHTTP(answer, r)
					done <- answer.Code
				}()
				synctest.Wait()
				if w.feed.subscribers() != 1 {
					t.Fatal("it doesn't wait")
				}
				c.stop(w, cancel)
				if code := <-done; code != http.StatusAccepted || time.Since(began) != c.after {
					t.Errorf("answered %d after %s", code, time.Since(began))
				}
			})
		})
	}
}

func TestWaitsAreBounded(t *testing.T) {
	w := newWorld(t)
	for range maxWaits {
		if !w.server.waits.enter() {
			t.Fatal("there is room for fewer than", maxWaits)
		}
	}
	answer := w.do("POST", "/v1/transactions", `{"payload":{}}`, "Idempotency-Key", "k1", "Prefer", "wait=30")
	if answer.Code != http.StatusAccepted || answer.Header().Get("Preference-Applied") != "" {
		t.Errorf("answered %d, applied %q", answer.Code, answer.Header().Get("Preference-Applied"))
	}
}
