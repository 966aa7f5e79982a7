package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"verdict"
)

func TestAppGetsItsAnswerInItsOwnWords(t *testing.T) {
	w := newWorld(t)
	answer := w.do("POST", "/transaction", `{"id":"152399-536694","amount":1500}`)
	got := decode[appAnswer](t, answer.Body)
	stored := w.current(got.TransactionID)
	want := appAnswer{
		ID: "152399-536694", TransactionID: stored.ID, Status: verdict.Pending, TransactionStatus: "PENDING",
		Message: []string{"Votre transaction est en cours de traitement"},
	}
	if answer.Code != http.StatusAccepted || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("answered %d %+v, want 202 %+v", answer.Code, got, want)
	}
	if at := answer.Header().Get("Location"); at != "/v1/transactions/"+stored.ID {
		t.Errorf("Location %q", at)
	}
	if answer.Header().Get("Idempotent-Replayed") != "" {
		t.Error("a first request is called a repeat")
	}
	if string(stored.Payload) != `{"amount":1500}` || stored.Operation != "transaction" || stored.Provider != "djamo" {
		t.Errorf("stored %s %s %s", stored.Operation, stored.Provider, stored.Payload)
	}
}

func TestAppRepeatGetsTheVerdict(t *testing.T) {
	for outcome, want := range map[verdict.Outcome]appAnswer{
		verdict.OutcomeSucceeded: {TransactionStatus: "ACCEPTED", TransactionStatusCode: 1, Message: []string{"Your transaction has been accepted"}},
		verdict.OutcomeFailed:    {TransactionStatus: "DECLINED", TransactionStatusCode: 2, Message: []string{"Your transaction did not go through"}},
	} {
		w := newWorld(t)
		tr := w.settled(w.accept("k1"), outcome)
		answer := w.do("POST", "/transaction", `{"amount":1500, "id":"k1"}`, "Accept-Language", "en")
		want.ID, want.TransactionID, want.Status = "k1", tr.ID, tr.Status
		if got := decode[appAnswer](t, answer.Body); answer.Code != http.StatusOK || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("answered %d %+v, want 200 %+v", answer.Code, got, want)
		}
		if answer.Header().Get("Idempotent-Replayed") != "true" {
			t.Error("a repeat isn't called one")
		}
		if answer.Header().Get("Retry-After") != "" {
			t.Error("a known verdict comes with Retry-After")
		}
	}
}

func TestAppBodyIsReadWhateverItsType(t *testing.T) {
	for _, contentType := range []string{"application/x-www-form-urlencoded", "application/json; charset=utf-8", "text/plain", ""} {
		answer := newWorld(t).do("POST", "/transaction", `{"id":"k1"}`, "Content-Type", contentType)
		if answer.Code != http.StatusAccepted {
			t.Errorf("%q: %d %s", contentType, answer.Code, answer.Body)
		}
	}
}

func TestMessageIsInTheAppsLanguage(t *testing.T) {
	w := newWorld(t)
	for header, want := range map[string]string{"": "fr", "en-US,en;q=0.9": "en", "de": "fr"} {
		answer := w.do("POST", "/transaction", `{"id":"k1"}`, "Accept-Language", header)
		if got := answer.Header().Get("Content-Language"); got != want {
			t.Errorf("%q: Content-Language %q, want %q", header, got, want)
		}
		if got := decode[appAnswer](t, answer.Body).Message[0]; got != message(want, verdict.Pending) {
			t.Errorf("%q: %q", header, got)
		}
		if vary := strings.Join(answer.Header().Values("Vary"), ", "); !strings.Contains(vary, "Accept-Language") {
			t.Errorf("Vary %q", vary)
		}
	}
}

func TestBadAppRequestsAreRefusedWithTheMend(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		kind   kind
		detail string
	}{
		"no id":           {`{"amount":1}`, missingKey, `"id" is missing`},
		"empty id":        {`{"id":""}`, invalidRequest, "id: give 1 to 255"},
		"id of 300":       {`{"id":"` + strings.Repeat("x", 300) + `"}`, invalidRequest, "id: give 1 to 255"},
		"number as id":    {`{"id":5}`, invalidRequest, "id: give a string"},
		"null as id":      {`{"id":null}`, invalidRequest, "id: give a string"},
		"id in capitals":  {`{"ID":"k1"}`, missingKey, `"id" is missing`},
		"broken":          {`{"id":"k1"`, invalidRequest, "broken JSON"},
		"nothing":         {``, invalidRequest, "broken JSON"},
		"list":            {`["k1"]`, invalidRequest, "JSON object"},
		"two ids":         {`{"id":"k1","id":"k2"}`, invalidRequest, "stands twice"},
		"two values":      {`{"id":"k1"}{}`, invalidRequest, "more than one"},
		"large payload":   {`{"id":"k1","note":"` + strings.Repeat("x", 17<<10) + `"}`, invalidRequest, "besides id"},
		"10 MB":           {`{"id":"k1","note":"` + strings.Repeat("x", 10<<20) + `"}`, tooLarge, "64 KiB"},
		"deep":            {`{"id":"k1","a":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`, invalidRequest, "nested"},
		"not UTF-8":       {"{\"id\":\"k\xff\"}", invalidRequest, "UTF-8"},
		"accents in id":   {`{"id":"clé"}`, invalidRequest, "id: give 1 to 255"},
		"newline in id":   {`{"id":"a\nb"}`, invalidRequest, "id: give 1 to 255"},
		"form, not JSON":  {`id=k1&amount=5`, invalidRequest, "broken JSON"},
		"duplicate depth": {`{"id":"k1","a":{"b":1,"b":2}}`, invalidRequest, "stands twice"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := wantProblem(t, w.do("POST", "/transaction", c.body), c.kind)
			if !strings.Contains(p.Detail, c.detail) {
				t.Errorf("detail %q doesn't say %q", p.Detail, c.detail)
			}
			if w.store.count("Create") != 0 {
				t.Error("the store was asked to create it")
			}
		})
	}
}

func TestSameIDWithOtherContentIsRefused(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/transaction", `{"id":"k1","amount":1}`)
	wantProblem(t, w.do("POST", "/transaction", `{"id":"k1","amount":2}`), otherContent)
	if again := w.do("POST", "/transaction", `{ "amount": 1, "id": "k1" }`); again.Code != http.StatusAccepted {
		t.Errorf("the same content in another order: %d %s", again.Code, again.Body)
	}
}
