package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIdempotencyKeyIsQuotedOrBare(t *testing.T) {
	for header, want := range map[string]string{
		`abc`:               "abc",
		` 152399-536694	`:   "152399-536694",
		`"abc"`:             "abc",
		`"with space, too"`: "with space, too",
		`"a \"b\" \\ c"`:    `a "b" \ c`,
		`a=b;c/d+e:f`:       "a=b;c/d+e:f",
		` order 17 `:        "order 17",
	} {
		if got, err := idempotencyKey(http.Header{"Idempotency-Key": {header}}); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", header, got, err, want)
		}
	}
	for _, header := range []string{`a,b`, `a, b`, `"a", "b"`, `a"b`, `"abc`, `"`, `"a"b"`, `"a";p=1`, `"a\b"`, `"a\`, `"a"x`} {
		if got, err := idempotencyKey(http.Header{"Idempotency-Key": {header}}); err == nil {
			t.Errorf("%s: read as %q", header, got)
		}
	}
	if _, err := idempotencyKey(http.Header{"Idempotency-Key": {"a", "a"}}); err == nil {
		t.Error("two keys are read as one")
	}
}

func TestPreferredWait(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                             0,
		"wait=2":                       2 * time.Second,
		"Wait = 2":                     2 * time.Second,
		`wait="2"`:                     2 * time.Second,
		"respond-async, wait=10":       10 * time.Second,
		"wait=3;x=y; z":                3 * time.Second,
		"wait=2, wait=9":               2 * time.Second,
		`foo="a,wait=9,\"b", wait=1`:   time.Second,
		"wait=31":                      30 * time.Second,
		"wait=99999999999999999999999": 30 * time.Second,
		"wait=-1":                      0,
		"wait=1.5":                     0,
		"wait":                         0,
		"wait=":                        0,
		"await=5":                      0,
		"respond-async":                0,
	} {
		if got := preferredWait(http.Header{"Prefer": {header}}); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	if got := preferredWait(http.Header{"Prefer": {"respond-async", "wait=4"}}); got != 4*time.Second {
		t.Errorf("two lines: %s", got)
	}
}

func TestNegotiatedLanguage(t *testing.T) {
	for header, want := range map[string]string{
		"":                           "fr",
		"en":                         "en",
		"EN-us":                      "en",
		"fr-CI, en;q=0.9":            "fr",
		"en;q=0.8, fr;q=0.9":         "fr",
		"en, fr":                     "en",
		"fr, en":                     "fr",
		"de":                         "fr",
		"de, en;q=0.1":               "en",
		"*":                          "fr",
		"fr;q=0, *":                  "en",
		"en;q=0":                     "fr",
		"de, *;q=0.5, fr;q=0.1":      "en",
		"en;q=0, fr;q=0":             "fr",
		"en;q=2, fr;q=0.1":           "fr",
		"en;q=NaN":                   "fr",
		"en; q=0.5 , fr;q=0.4":       "en",
		"english":                    "fr",
		"en-US;q=0.3, en-GB, fr;q=1": "en",
		",,;q=1,en":                  "en",
	} {
		if got := negotiate(http.Header{"Accept-Language": {header}}, "fr"); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
	if got := negotiate(http.Header{"Accept-Language": {"*"}}, "en"); got != "en" {
		t.Errorf("* with English as the default: %s", got)
	}
}

func TestPosition(t *testing.T) {
	for _, c := range []struct {
		query, header string
		want          position
		bad           bool
	}{
		{"", "", position{}, false},
		{"?after=5", "", position{5, true, false}, false},
		{"?after=0", "", position{0, true, false}, false},
		{"", "7", position{7, true, false}, false},
		{"?after=5", "7", position{7, true, false}, false},
		{"?unconfirmed=true", "7", position{7, true, true}, false},
		{"?unconfirmed=false", "", position{}, false},
		{"?unconfirmed=1", "", position{}, true},
		{"?after=-1", "", position{}, true},
		{"", "x", position{}, true},
		{"", "99999999999999999999", position{}, true},
	} {
		r := httptest.NewRequest("GET", "/v1/events"+c.query, nil)
		r.Header.Set("Last-Event-ID", c.header)
		if got, err := readPosition(r); (err != nil) != c.bad || err == nil && got != c.want {
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
}

func FuzzHeaders(f *testing.F) {
	f.Add(`"a \"b"`, `foo="a,b", wait=3;x`, "en-US;q=0.5, *;q=0")
	f.Add("abc", "wait=99999999999999999999", "fr;q=NaN,,")
	f.Fuzz(func(t *testing.T, key, prefer, accept string) {
		got, err := idempotencyKey(http.Header{"Idempotency-Key": {key}})
		if quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(got) + `"`; err == nil {
			if again, err := idempotencyKey(http.Header{"Idempotency-Key": {quoted}}); err != nil || again != got {
				t.Errorf("%q was read as %q, which quoted is read as %q, %v", key, got, again, err)
			}
		}
		if wait := preferredWait(http.Header{"Prefer": {prefer}}); wait < 0 || wait > maxWait || wait%time.Second != 0 {
			t.Errorf("%q: %s", prefer, wait)
		}
		if language := negotiate(http.Header{"Accept-Language": {accept}}, "fr"); !slices.Contains(languages(), language) {
			t.Errorf("%q: %q", accept, language)
		}
	})
}

func FuzzBodies(f *testing.F) {
	f.Add([]byte(`{"id":"k1","amount":1.50}`))
	f.Add([]byte(`{"operation":"transfer","provider":"djamo","payload":{"a":[1,null]}}`))
	f.Add([]byte(`{"type":"subscribe","after":5}`))
	f.Add([]byte(`{"id":"a","ID":"b"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, payload, err := readAppRequest(body); err == nil {
			if rest, err := members(payload); err != nil || rest["id"] != nil {
				t.Errorf("%s: payload %s, %v", body, payload, err)
			}
		}
		if object, err := members(body); err == nil {
			if request, err := readRequest(object); err == nil && len(request.Payload) == 0 {
				t.Errorf("%s: no payload", body)
			}
		}
		m, err := readMessage(body)
		if err == nil && (m.From.after < 0 || m.From.told && m.Transaction != "" || m.Type == "" || len(m.Ref) > maxRef) {
			t.Errorf("%s: %+v", body, m)
		}
		if err != nil && err.Error() == "" {
			t.Errorf("%s is refused without a word", body)
		}
	})
}
