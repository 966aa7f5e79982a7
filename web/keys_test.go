package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

const keysPath = "/v1/idempotency-keys"

// issued fetches a key for an operation.
func (w *world) issued(t *testing.T, operation string) keyAnswer {
	t.Helper()
	answer := w.do("POST", keysPath, `{"operation":"`+operation+`"}`)
	if answer.Code != http.StatusCreated || answer.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("answered %d %v %s", answer.Code, answer.Header(), answer.Body)
	}
	return decode[keyAnswer](t, answer.Body)
}

func (w *world) submit(key, operation string) *httptest.ResponseRecorder {
	return w.do("POST", "/v1/transactions", `{"operation":"`+operation+`","payload":{}}`, "Idempotency-Key", key)
}

func TestAnIssuedKeyServesOneRequest(t *testing.T) {
	w := newWorld(t)
	key := w.issued(t, "transfer")
	if left := time.Until(key.ExpiresAt); key.Operation != "transfer" || left <= 58*time.Minute || left > time.Hour {
		t.Errorf("%+v", key)
	}
	first, again := w.submit(key.Key, "transfer"), w.submit(key.Key, "transfer")
	if first.Code != http.StatusAccepted || first.Header().Get("Idempotent-Replayed") != "" {
		t.Errorf("%d %s", first.Code, first.Body)
	}
	if again.Header().Get("Idempotent-Replayed") != "true" || again.Body.String() != first.Body.String() {
		t.Errorf("%d %s", again.Code, again.Body)
	}
	if other := w.issued(t, "transfer"); other.Key == key.Key {
		t.Error("issued twice")
	}
	if w.store.count("Create") != 2 {
		t.Error("issuing a key is stored")
	}
}

func TestAKeyIsForADefaultOperation(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{"", "{}"} {
		key := decode[keyAnswer](t, w.do("POST", keysPath, body).Body)
		if answer := w.do("POST", "/transaction", `{"id":"`+key.Key+`"}`); key.Operation != "transaction" || answer.Code != http.StatusAccepted {
			t.Errorf("%q: %+v, then %d %s", body, key, answer.Code, answer.Body)
		}
	}
	for body, says := range map[string]string{
		`{"operation":""}`: "operation: give 1 to 64", `{"operation":7}`: "operation: give a string",
		`{"operaton":"x"}`: `"operaton" is not known`, `[]`: "a JSON object", `{`: "JSON",
	} {
		if p := wantProblem(t, w.do("POST", keysPath, body), invalidRequest); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %q doesn't say %q", body, p.Detail, says)
		}
	}
}

func TestWrongKeysAreRefusedEachWithItsMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		mine, used := w.issued(t, "transfer").Key, w.issued(t, "transfer").Key
		foreign, _, err := w.intake.IssueKey(verdict.Audience{Tenant: "default", Owner: "else"}, "transfer")
		if err != nil {
			t.Fatal(err)
		}
		unknown, others := w.submit("vk1_guessed", "transfer"), w.submit(foreign, "transfer")
		wantProblem(t, w.submit(mine, "refund"), keyPurpose)
		if a, b := unknown.Body.String(), others.Body.String(); a != b {
			t.Errorf("a foreign key is told from an unknown one: %s and %s", a, b)
		}
		wantProblem(t, unknown, keyUnknown)
		if w.store.count("Create") != 0 {
			t.Fatal("something was stored")
		}
		w.submit(used, "transfer")
		time.Sleep(time.Hour) // the bubble's
		wantProblem(t, w.submit(mine, "transfer"), keyExpired)
		if answer := w.submit(used, "transfer"); answer.Code != http.StatusAccepted || answer.Header().Get("Idempotent-Replayed") != "true" {
			t.Errorf("a repeat of what was begun in time: %d %s", answer.Code, answer.Body)
		}
	})
}

func TestWhoMakesKeys(t *testing.T) {
	in := func(mode verdict.KeyMode) *world {
		return newWorld(t, func(c *Config) { c.Intake.Mode = mode })
	}
	client := in(verdict.ClientKeys)
	if p := wantProblem(t, client.do("POST", keysPath, ""), invalidRequest); !strings.Contains(p.Detail, "made by the app") {
		t.Error(p.Detail)
	}
	server := in(verdict.ServerKeys)
	wantProblem(t, server.submit("order-17", "transfer"), keyUnknown)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"a header": server.do("POST", "/v1/transactions", `{"payload":{}}`), "an id": server.do("POST", "/transaction", `{}`),
	} {
		if p := wantProblem(t, answer, missingKey); !strings.Contains(p.Detail, "POST "+keysPath) {
			t.Errorf("without %s: %q doesn't say where to fetch a key", name, p.Detail)
		}
	}
	if answer := server.submit(server.issued(t, "transfer").Key, "transfer"); answer.Code != http.StatusAccepted {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if answer := in(verdict.EitherKeys).submit("order-17", "transfer"); answer.Code != http.StatusAccepted {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

func TestRepeatsMayBeRefusedWhileTheFirstIsInFlight(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Intake.Exclusive = true })
	const body = `{"id":"k1","amount":1}`
	first := w.do("POST", "/transaction", body)
	again := w.do("POST", "/transaction", body)
	wantProblem(t, again, inFlight)
	at := first.Header().Get("Location")
	if again.Header().Get("Location") != at || at == "" {
		t.Errorf("the transaction is at %q, the refusal says %q", at, again.Header().Get("Location"))
	}
	wantProblem(t, w.do("POST", "/transaction", `{"id":"k1","amount":2}`), otherContent)
	w.settled(w.current(strings.TrimPrefix(at, "/v1/transactions/")), verdict.OutcomeSucceeded)
	if settled := w.do("POST", "/transaction", body); settled.Code != http.StatusOK {
		t.Errorf("with the verdict known: %d %s", settled.Code, settled.Body)
	}
}

func TestRetentionIsPublished(t *testing.T) {
	w := newWorld(t)
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"/transaction": w.do("POST", "/transaction", `{"id":"k1"}`), "/v1/transactions": w.submit("k2", "transfer"),
	} {
		if got := answer.Header().Get("Idempotency-Key-Retention"); got != "86400" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
