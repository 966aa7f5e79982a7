package web

import (
	"net/http"
	"slices"
	"testing"
)

func TestSharedHeadersAreReadyForUse(t *testing.T) {
	for _, shared := range []http.Header{safeHeaders, privateHeaders, {"Content-Type": jsonType}} {
		for name, values := range shared {
			if name != http.CanonicalHeaderKey(name) || len(values) != 1 || cap(values) != 1 { // so that another is added elsewhere
				t.Errorf("%s: %q with room for %d", name, values, cap(values))
			}
		}
	}
}

func TestAnAnswerHasAllItsHeaders(t *testing.T) {
	w := newWorld(t)
	for range 2 { // the second isn't changed by the first
		answer := w.do("POST", "/transaction", `{"id":"k1"}`)
		for name, want := range map[string][]string{
			"X-Content-Type-Options":       {"nosniff"},
			"Content-Security-Policy":      {"default-src 'none'; frame-ancestors 'none'"},
			"Cross-Origin-Resource-Policy": {"same-origin"},
			"Vary":                         {"Origin", "Accept-Language"},
			"Cache-Control":                {"no-store"},
			"Content-Type":                 {"application/json"},
			"Idempotency-Key-Retention":    {"86400"},
		} {
			if got := answer.Header()[name]; !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
}
