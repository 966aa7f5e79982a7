package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"verdict/web/auth"
)

func TestUnknownPathsAndMethodsAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/nothing", "/v1", "/transaction/", "/v1/transactions/x/y", "/problems/none", "/page/index.html"} {
		wantProblem(t, w.do("GET", path, ""), noPage)
	}
	for _, c := range []struct{ method, path, allow string }{
		{"GET", "/transaction", "POST"},
		{"DELETE", "/v1/transactions", "GET, HEAD, POST"},
		{"PUT", "/v1/transactions/x", "GET, HEAD"},
		{"GET", "/webhooks/djamo/x", "POST"},
		{"POST", "/v1/events", "GET, HEAD"},
		{"POST", "/", "GET, HEAD"},
		{"OPTIONS", "/transaction", "POST"},
	} {
		answer := w.do(c.method, c.path, "")
		if got := answer.Header().Get("Allow"); got != c.allow {
			t.Errorf("%s %s: Allow %q, want %q", c.method, c.path, got, c.allow)
		}
		wantProblem(t, answer, wrongMethod)
	}
}

func TestEveryKindOfProblemHasItsPage(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for _, k := range kinds() {
		answer := w.do("GET", k.path(), "")
		if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), k.mend) || seen[k.slug] {
			t.Errorf("%s: %d %s", k.slug, answer.Code, answer.Body)
		}
		seen[k.slug] = true
	}
}

func TestPagesOfOtherOriginsAreRefused(t *testing.T) {
	w := newWorld(t)
	tr := w.accept("k1")
	for _, origin := range []string{"https://evil.example", "http://example.com:8080", "null", "http://", "https://shop.example:444"} {
		for _, c := range []struct{ method, path string }{
			{"POST", "/transaction"}, {"POST", "/v1/transactions"}, {"GET", "/v1/events"}, {"GET", "/v1/ws"},
			{"GET", "/v1/transactions/" + tr.ID + "/events"}, {"GET", "/v1/transactions/" + tr.ID},
		} {
			answer := w.do(c.method, c.path, `{"id":"k2"}`, "Origin", origin)
			wantProblem(t, answer, foreignOrigin)
			if answer.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s may read %s", origin, c.path)
			}
		}
	}
	if w.store.count("Create") != 1 {
		t.Error("something was stored")
	}
}

func TestOurOwnAndAllowedPagesAreServed(t *testing.T) {
	w := newWorld(t)
	for _, origin := range []string{"http://example.com", "https://example.com", "https://shop.example"} { // Host is example.com
		answer := w.do("POST", "/transaction", `{"id":"k1"}`, "Origin", origin)
		if answer.Code != http.StatusAccepted || answer.Header().Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s: %d, allowed %q", origin, answer.Code, answer.Header().Get("Access-Control-Allow-Origin"))
		}
		if !slices.Contains(answer.Header().Values("Vary"), "Origin") {
			t.Error("caches may mix origins up")
		}
	}
}

func TestPreflight(t *testing.T) {
	w := newWorld(t)
	ask := func(origin string) *httptest.ResponseRecorder {
		return w.do("OPTIONS", "/v1/transactions", "", "Origin", origin, "Access-Control-Request-Method", "POST")
	}
	wantProblem(t, ask("https://evil.example"), foreignOrigin)
	answer := ask("https://shop.example")
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": "https://shop.example", "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Idempotency-Key",
	} {
		if got := answer.Header().Get(name); answer.Code != http.StatusNoContent || !strings.Contains(got, want) {
			t.Errorf("%d %s: %q, want %q", answer.Code, name, got, want)
		}
	}
}

func TestPageIsServedGuarded(t *testing.T) {
	w := newWorld(t)
	answer := w.do("GET", "/", "")
	if answer.Code != http.StatusOK || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", answer.Code, answer.Header())
	}
	policy := answer.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'; script-src 'self';", "connect-src 'self' ws://example.com wss://example.com;", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "",
	} {
		if got := answer.Header().Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if again := w.do("GET", "/", "", "If-None-Match", answer.Header().Get("ETag")); again.Code != http.StatusNotModified {
		t.Errorf("unchanged, but %d", again.Code)
	}
	h := http.Header{}
	pageHeaders(h, "evil; script-src *")
	if strings.Contains(h.Get("Content-Security-Policy"), "evil") {
		t.Error("a host changes the policy")
	}
}

func TestLogsHaveNoPayloads(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/transaction", `{"id":"k1","card":"a secret"}`)
	w.do("POST", "/transaction", `{"id":"k1","card":"another secret"}`)
	if logged := w.logs.String(); strings.Contains(logged, "secret") || !strings.Contains(logged, `route="POST /transaction"`) {
		t.Error(logged)
	}
}

func TestBadConfigurationsAreRefused(t *testing.T) {
	good := newWorld(t).config
	for want, spoil := range map[string]func(*Config){
		"an intake":            func(c *Config) { c.Intake = nil },
		"a store and a feed":   func(c *Config) { c.Feed = nil },
		"default provider":     func(c *Config) { c.Provider = "nobody" },
		"fr or en":             func(c *Config) { c.Language = "de" },
		"heartbeat":            func(c *Config) { c.Heartbeat = -time.Second },
		"retention":            func(c *Config) { c.Retention = -time.Second },
		"limits of streams":    func(c *Config) { c.Limits.Connections = -1 },
		"https://shop.example": func(c *Config) { c.Origins = []string{"shop.example/"} },
		"secret of tickets":    func(c *Config) { c.Guard, c.Tickets.Secret = auth.Anyone(), nil },
		`origin "*"`:           func(c *Config) { c.Origins = []string{"*"} },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
