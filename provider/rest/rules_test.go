package rest

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"verdict"
	"verdict/provider/wire"
)

func kindOf(err error) string {
	_, throttled := errors.AsType[*verdict.ThrottledError](err)
	switch {
	case err == nil:
		return ""
	case throttled:
		return "throttled"
	case errors.Is(err, verdict.ErrUncertain):
		return "uncertain"
	case errors.Is(err, verdict.ErrNotSent):
		return "not sent"
	}
	return err.Error()
}

func TestAnswersMeanWhatIsDescribedAndElseNothing(t *testing.T) {
	p := mustOpen(t, example(t, "acme"))
	payment := func(ref, state string) string { return fmt.Sprintf(`{"ref":%q,"state":%q}`, ref, state) }
	found := func(payments ...string) string { return `{"data":{"payments":[` + strings.Join(payments, ",") + `]}}` }
	created := func(state string) string { return `{"data":{"payment":{"uid":"p","state":` + state + `}}}` }
	for _, tt := range []struct {
		of     call
		status int
		body   string
		want   verdict.Outcome
		reason string
		kind   string
	}{
		{p.submit, 201, created(`"created"`), verdict.OutcomePending, "", ""},
		{p.submit, 200, created(`"succeeded"`), verdict.OutcomeSucceeded, "", ""},
		{p.submit, 201, created(`"cancelled","failure":{"message":"Le client a refusé"}`), verdict.OutcomeFailed, "Le client a refusé", ""},
		{p.submit, 201, created(`"cancelled","failure":{"message":"two\nlines"}`), verdict.OutcomeFailed, noReason, ""},
		{p.submit, 201, created(`"cancelled","failure":{"message":"` + strings.Repeat("x", 161) + `"}`), verdict.OutcomeFailed, noReason, ""},
		{p.submit, 201, created(`"cancelled","failure":{"message":{"fr":"non"}}`), verdict.OutcomeFailed, noReason, ""},
		{p.submit, 201, created(`"Succeeded"`), "", "", "uncertain"},
		{p.submit, 201, created(`"reversed"`), "", "", "uncertain"},
		{p.submit, 201, created(`null`), "", "", "uncertain"},
		{p.submit, 201, created(`["succeeded"]`), "", "", "uncertain"},
		{p.submit, 201, created(`"failed","state":"succeeded"`), "", "", "uncertain"},
		{p.submit, 201, `{"Data":{"payment":{"state":"succeeded"}}}`, "", "", "uncertain"},
		{p.submit, 201, "", "", "", "uncertain"},
		{p.submit, 202, created(`"succeeded"`), "", "", "uncertain"},
		{p.submit, 422, `{"error":{"code":"unknown_payer"}}`, verdict.OutcomeFailed, "unknown_payer", ""},
		{p.submit, 422, `{"error":{"code":"unknown_payer","message":"No such phone"}}`, verdict.OutcomeFailed, "No such phone", ""},
		{p.submit, 422, `{"error":{"code":"new_code"}}`, "", "", "uncertain"},
		{p.submit, 422, `<html>`, "", "", "uncertain"},
		{p.submit, 400, `{"error":{"code":"unknown_payer"}}`, "", "", "uncertain"},
		{p.submit, 409, `{"error":{"code":"duplicate_ref"}}`, verdict.OutcomePending, "", ""},
		{p.submit, 409, ``, "", "", "uncertain"},
		{p.submit, 500, created(`"failed"`), "", "", "uncertain"},
		{p.submit, 401, ``, "", "", "not sent"},
		{p.submit, 403, ``, "", "", "uncertain"},
		{p.submit, 429, ``, "", "", "throttled"},
		{p.check, 200, found(payment("ref", "succeeded")), verdict.OutcomeSucceeded, "", ""},
		{p.check, 200, found(payment("other", "succeeded")), "", "", "uncertain"},
		{p.check, 200, found(`{"state":"succeeded"}`), "", "", "uncertain"},
		{p.check, 200, found(payment("ref", "succeeded"), payment("ref", "failed")), "", "", "uncertain"},
		{p.check, 200, found(), verdict.OutcomeNotFound, "", ""},
		{p.check, 200, `{"data":{"payments":{}}}`, "", "", "uncertain"},
		{p.check, 200, `{"data":{"payments":{"p":{"ref":"ref","state":"succeeded"}}}}`, "", "", "uncertain"},
		{p.check, 200, `{"data":{}}`, "", "", "uncertain"},
		{p.check, 200, `{"data":{"payments":null}}`, "", "", "uncertain"},
		{p.check, 200, `{}`, "", "", "uncertain"},
		{p.check, 200, `[]`, "", "", "uncertain"},
		{p.check, 404, ``, "", "", "uncertain"},
		{p.check, 403, ``, "", "", "throttled"},
		{p.check, 401, ``, "", "", "not sent"},
	} {
		a, err := p.weigh(tt.of, wire.Reply{Status: tt.status, Header: http.Header{}, Body: []byte(tt.body)}, "ref", "token")
		if a.Outcome != tt.want || a.Reason != tt.reason || kindOf(err) != tt.kind || string(a.Raw) != tt.body {
			t.Errorf("%s, %d %s: got %q, %q, %v; want %q, %q, %s", tt.of.method, tt.status, tt.body, a.Outcome, a.Reason, err, tt.want, tt.reason, tt.kind)
		}
	}
}

// A proxy before the partner, or a wrong base URL, also answers 404. It knows nothing of transactions.
func TestOnlyAnEmpty404IsNotFoundWhereItIsDescribedSo(t *testing.T) {
	p := mustOpen(t, example(t, "djamo"))
	for body, want := range map[string]verdict.Outcome{"": verdict.OutcomeNotFound, "404 page not found\n": "", "{}": "", `{"id":"ref","status":"completed"}`: ""} {
		a, err := p.weigh(p.check, wire.Reply{Status: http.StatusNotFound, Body: []byte(body)}, "ref", "")
		if a.Outcome != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", body, a.Outcome, err)
		}
	}
}

// What the rule for an answer can't read, no other reads.
func TestTheFirstRuleThatFitsIsTheOneThatReads(t *testing.T) {
	rs, err := compileRules(checks, []Rule{
		{Status: []int{200}, When: map[string]any{"kind": "a"}, State: "state"},
		{Status: []int{200}, State: "other"},
	}, map[string]verdict.Outcome{"paid": verdict.OutcomeSucceeded})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]verdict.Outcome{
		`{"kind":"a","state":"paid"}`: verdict.OutcomeSucceeded, `{"kind":"a","state":"new","other":"paid"}`: "", `{"kind":"b","other":"paid"}`: verdict.OutcomeSucceeded,
	} {
		if a, err := rs.read(wire.Reply{Status: http.StatusOK, Body: []byte(body)}, "ref"); a.Outcome != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", body, a.Outcome, err)
		}
	}
}

func TestWithoutCredentials401SaysNothing(t *testing.T) {
	p := mustOpen(t, example(t, "djamo"))
	if _, err := p.weigh(p.submit, wire.Reply{Status: http.StatusUnauthorized}, "ref", ""); kindOf(err) != "uncertain" {
		t.Errorf("got %v", err)
	}
}

func TestConditionsCompareAsItIsWritten(t *testing.T) {
	for _, tt := range []struct {
		wanted any
		body   string
		holds  bool
	}{
		{0, `{"a":0}`, true}, {0, `{"a":"0"}`, true}, {0, `{"a":0.0}`, false}, {0, `{"a":false}`, false}, {"0", `{"a":0}`, true},
		{true, `{"a":true}`, true}, {"true", `{"a":true}`, true}, {1.5, `{"a":1.5}`, true},
		{[]any{"x", 7}, `{"a":7}`, true}, {[]any{"x", 7}, `{"a":[7]}`, false}, {[]any{"x", 7}, `{}`, false}, {"", `{"a":null}`, false},
		{nil, `{"a":null}`, true}, {nil, `{}`, true}, {nil, `{"a":0}`, false}, {nil, `{"a":""}`, false}, {nil, `[]`, false}, {nil, `"a"`, false},
	} {
		c, err := compileCondition("a", tt.wanted)
		if err != nil {
			t.Fatal(err)
		}
		v, err := wire.Value([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.holds(v) != tt.holds {
			t.Errorf("%v of %s: got %t", tt.wanted, tt.body, !tt.holds)
		}
	}
}

// fuzzed are bodies as both partners of the documentation send them, and as they don't.
var fuzzed = []string{
	`{"id":"a","status":"completed"}`, `{"id":"a","status":"declined","status":"completed"}`, `{"id":1,"status":"pending","x":[1e400,{}]}`,
	`{"event":"payment.succeeded","data":{"payment":{"uid":"p","ref":"a","state":"succeeded"}}}`,
	`{"event":"payment.failed","data":{"payment":{"ref":"a","state":"failed","failure":{"message":"Solde insuffisant"}}}}`,
	`{"data":{"payments":[]}}`, `{"data":{"payments":[{"ref":"a","state":"created"}]}}`, `{"data":{"payments":[{"ref":"a"},{"ref":"a"}]}}`,
	`{"data":{"payment":{"state":"cancelled","failure":null}}}`, `{"error":{"code":"limit_reached"}}`, `[[[[[[[[]]]]]]]]`, `null`, "\xff", "",
}

func FuzzReadWebhook(f *testing.F) {
	for _, body := range fuzzed {
		f.Add([]byte(body))
	}
	partners := []*Provider{mustOpen(f, example(f, "djamo")), mustOpen(f, example(f, "acme"))}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, p := range partners {
			a, err := p.ReadWebhook(bytes.Clone(body))
			sound(t, a, err, body)
			if err == nil && (a.Reference == "" || !bytes.Contains(body, []byte("stat")) && !bytes.Contains(body, []byte(`\u`))) {
				t.Errorf("read %+v from %q", a, body)
			}
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for i, body := range fuzzed {
		f.Add([]int{200, 201, 404, 409, 422, 429}[i%6], []byte(body))
	}
	partners := []*Provider{mustOpen(f, example(f, "djamo")), mustOpen(f, example(f, "acme"))}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, p := range partners {
			for _, c := range []call{p.submit, p.check} {
				a, err := p.weigh(c, wire.Reply{Status: status, Body: bytes.Clone(body)}, "a", "token")
				sound(t, a, err, body)
				if err == nil && (a.Reference != "" && a.Reference != "a" || !slices.Contains([]int{200, 201, 404, 409, 422}, status)) {
					t.Errorf("%d: read %+v from %q", status, a, body)
				}
			}
		}
	})
}

// sound checks what every answer keeps to.
func sound(t *testing.T, a verdict.Answer, err error, body []byte) {
	t.Helper()
	if !bytes.Equal(a.Raw, body) {
		t.Errorf("kept %q of %q", a.Raw, body)
	}
	if err != nil {
		if kind := kindOf(err); a.Outcome != "" || a.Reason != "" || a.Reference != "" || kind == err.Error() || len(err.Error()) > 200 {
			t.Errorf("got %+v beside %v", a, err)
		}
		return
	}
	if a.Outcome == "" || a.Outcome == throttled || (a.Outcome == verdict.OutcomeFailed) != (a.Reason != "") || len([]rune(a.Reason)) > 160 {
		t.Errorf("read %+v from %q", a, body)
	}
}
