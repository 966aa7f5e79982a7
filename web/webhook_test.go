package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"verdict"
)

func (w *world) webhookPath(id string) string {
	return "/webhooks/djamo/" + w.settle.Tokens.Token("djamo", id)
}

// sign has the partner sign its webhooks, as GitHub does.
func (w *world) sign(secrets ...string) {
	w.t.Helper()
	v, err := verdict.NewVerifier("github", secrets...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle.Verifiers = map[string]*verdict.Verifier{"djamo": v}
}

func TestWebhookOfAPartnerThatSignsMustBeSigned(t *testing.T) {
	w := newWorld(t)
	w.sign("old", "new")
	tr := w.accept("k1")
	const body = `{"status":"succeeded"}`
	signature := func(secret, body string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	var bodies []string
	for _, wrong := range []string{"", "sha256=", signature("other", body), signature("new", body+" ")} {
		answer := w.do("POST", w.webhookPath(tr.ID), body, "X-Hub-Signature-256", wrong)
		bodies = append(bodies, answer.Body.String())
		wantProblem(t, answer, badSignature)
		if answer.Header().Get("WWW-Authenticate") == "" {
			t.Error("401 without a challenge")
		}
	}
	if len(slices.Compact(bodies)) != 1 {
		t.Errorf("bad signatures are told apart: %q", bodies)
	}
	if history, _ := w.store.History(t.Context(), tr.ID); len(history)+len(w.store.parked) != 0 {
		t.Fatal("something was stored")
	}
	for _, secret := range []string{"old", "new"} {
		answer := w.do("POST", w.webhookPath(tr.ID), body, "X-Hub-Signature-256", signature(secret, body))
		if answer.Code != http.StatusOK {
			t.Errorf("signed with %s: %d", secret, answer.Code)
		}
	}
	if got := w.current(tr.ID); got.Status != verdict.Succeeded {
		t.Errorf("it is %s", got.Status)
	}
}

func TestWebhookIsStoredAndSettles(t *testing.T) {
	w := newWorld(t)
	tr := w.accept("k1")
	for range 2 { // the second is a duplicate
		answer := w.do("POST", w.webhookPath(tr.ID), `{"status":"succeeded"}`, "Origin", "https://partner.example")
		if answer.Code != http.StatusOK || answer.Body.String() != "{}" {
			t.Fatalf("answered %d %s", answer.Code, answer.Body)
		}
	}
	if got := w.current(tr.ID); got.Status != verdict.Succeeded {
		t.Errorf("it is %s", got.Status)
	}
	if history, _ := w.store.History(t.Context(), tr.ID); len(history) != 1 {
		t.Errorf("%d pieces of evidence, want the first", len(history))
	}
}

func TestWebhookThatCantBeReadIsKept(t *testing.T) {
	w := newWorld(t)
	tr := w.accept("k1")
	if answer := w.do("POST", w.webhookPath(tr.ID), "what?"); answer.Code != http.StatusOK {
		t.Errorf("answered %d", answer.Code)
	}
	if history, _ := w.store.History(t.Context(), tr.ID); len(history) != 1 || string(history[0].Raw) != "what?" {
		t.Errorf("kept %+v", history)
	}
}

func TestWebhookBeforeItsTransactionIsParked(t *testing.T) {
	w := newWorld(t)
	if answer := w.do("POST", w.webhookPath("not-yet"), `{"status":"failed"}`); answer.Code != http.StatusOK || len(w.store.parked) != 1 {
		t.Errorf("answered %d, %d parked", answer.Code, len(w.store.parked))
	}
}

func TestWrongWebhooksStoreNothing(t *testing.T) {
	w := newWorld(t)
	tr := w.accept("k1")
	right := w.webhookPath(tr.ID)
	for _, path := range []string{
		"/webhooks/djamo/x", "/webhooks/djamo/" + tr.ID, right[:len(right)-2] + "xx", strings.Replace(right, "djamo", "other", 1),
		strings.Replace(right, "djamo", "nobody", 1),
	} {
		wantProblem(t, w.do("POST", path, `{"status":"failed"}`), noWebhook)
	}
	wantProblem(t, w.do("POST", right, strings.Repeat("x", maxBody+1)), tooLarge)
	if history, _ := w.store.History(t.Context(), tr.ID); len(history)+len(w.store.parked) != 0 {
		t.Error("something was stored")
	}
	if strings.Contains(w.logs.String(), right) {
		t.Error("the log has a token")
	}
}

func TestWebhookThatCantBeStoredIsAskedForAgain(t *testing.T) {
	w := newWorld(t)
	path := w.webhookPath(w.accept("k1").ID)
	w.store.fail(errors.New("disk i/o error"))
	wantProblem(t, w.do("POST", path, `{"status":"failed"}`), unavailable)
}

func TestWebhookIsStoredThoughThePartnerHungUp(t *testing.T) {
	w := newWorld(t)
	tr := w.accept("k1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.server.ServeHTTP(httptest.NewRecorder(),
		httptest.NewRequestWithContext(ctx, "POST", w.webhookPath(tr.ID), strings.NewReader(`{"status":"failed"}`)))
	if got := w.current(tr.ID); got.Status != verdict.Failed {
		t.Errorf("it is %s", got.Status)
	}
}
