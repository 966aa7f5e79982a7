package web

import (
	"slices"
	"testing"
)

func TestSharedValuesOfHeadersHaveNoRoomForAnother(t *testing.T) {
	for _, values := range [][]string{noSniffing, nothingLoads, sameOrigin, byOrigin, noStore, jsonType} {
		if len(values) != 1 || cap(values) != 1 {
			t.Errorf("%q has room for %d", values, cap(values))
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
