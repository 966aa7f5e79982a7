package momo

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// answering returns the adapter of a partner that says the same to every call.
func answering(t *testing.T, status int, body string) *Provider {
	return beside(t, &bank{call: func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}})
}

// kindOf names an error's kind.
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

func TestAnswersToASubmit(t *testing.T) {
	code := func(c string) string { return `{"code":"` + c + `","message":"in words"}` }
	for _, tt := range []struct {
		status  int
		body    string
		outcome verdict.Outcome
		reason  string
		kind    string
	}{
		{202, "", verdict.OutcomePending, "", ""},
		{409, code("RESOURCE_ALREADY_EXIST"), verdict.OutcomePending, "", ""},
		{400, code("PAYER_NOT_FOUND"), verdict.OutcomeFailed, "PAYER_NOT_FOUND", ""},
		{500, code("INVALID_CURRENCY"), verdict.OutcomeFailed, "INVALID_CURRENCY", ""},
		{500, code("NOT_ALLOWED_TARGET_ENVIRONMENT"), verdict.OutcomeFailed, "NOT_ALLOWED_TARGET_ENVIRONMENT", ""},
		{500, code("INVALID_CALLBACK_URL_HOST"), verdict.OutcomeFailed, "INVALID_CALLBACK_URL_HOST", ""},
		{500, code("INTERNAL_PROCESSING_ERROR"), "", "", "uncertain"},
		{500, code("SERVICE_UNAVAILABLE"), "", "", "uncertain"},
		{500, code("invalid_currency"), "", "", "uncertain"},
		{500, code("NEW_CODE"), "", "", "uncertain"},
		{500, `{"code":"INVALID_CURRENCY","code":"X"}`, "", "", "uncertain"},
		{500, `{"Code":"INVALID_CURRENCY"}`, "", "", "uncertain"},
		{500, `{"message":"INVALID_CURRENCY"}`, "", "", "uncertain"},
		{500, "", "", "", "uncertain"},
		{400, "", "", "", "uncertain"},
		{200, "<html>", "", "", "uncertain"},
		{200, result(verdict.OutcomeSucceeded), "", "", "uncertain"},
		{201, "", "", "", "uncertain"},
		{403, code("NOT_ALLOWED"), "", "", "uncertain"},
		{404, code("PAYER_NOT_FOUND"), "", "", "uncertain"},
		{503, code("INVALID_CURRENCY"), "", "", "uncertain"},
		{401, `{"statusCode":401,"message":"Unauthorized"}`, "", "", "not sent"},
		{429, "", "", "", "throttled"},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, err := answering(t, tt.status, tt.body).Submit(t.Context(), submission())
			if a.Outcome != tt.outcome || a.Reason != tt.reason || kindOf(err) != tt.kind || string(a.Raw) != tt.body {
				t.Errorf("%d %s: got %q, %q, %v; want %q, %q, %q", tt.status, tt.body, a.Outcome, a.Reason, err, tt.outcome, tt.reason, tt.kind)
			}
			if a.Reference != "" {
				t.Errorf("%d: it names %q", tt.status, a.Reference)
			}
		})
	}
}

func TestAnswersToACheck(t *testing.T) {
	for _, tt := range []struct {
		status  int
		body    string
		outcome verdict.Outcome
		kind    string
	}{
		{404, `{"code":"RESOURCE_NOT_FOUND","message":"Requested resource was not found."}`, verdict.OutcomeNotFound, ""},
		{404, `{"statusCode":404,"message":"Resource not found"}`, "", "uncertain"}, // the gateway's, of a wrong URL
		{404, "404 page not found\n", "", "uncertain"},
		{404, "", "", "uncertain"},
		{400, `{"code":"RESOURCE_NOT_FOUND"}`, "", "uncertain"},
		{200, `{"code":"RESOURCE_NOT_FOUND"}`, "", "uncertain"},
		{200, "", "", "uncertain"},
		{202, result(verdict.OutcomeSucceeded), "", "uncertain"},
		{401, "", "", "not sent"},
		{403, "", "", "throttled"},
		{429, "", "", "throttled"},
		{200, `{"status":"SUCCESSFUL","referenceId":"0198f000-0000-4000-8000-000000000001"}`, verdict.OutcomeSucceeded, ""},
		{200, `{"status":"SUCCESSFUL","referenceId":"0198f000-0000-4000-8000-000000000002"}`, "", "uncertain"},
		{200, `{"status":"SUCCESSFUL","externalId":"0198f000-0000-7000-8000-000000000002"}`, verdict.OutcomeSucceeded, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, err := answering(t, tt.status, tt.body).Check(t.Context(), ask(ours))
			if a.Outcome != tt.outcome || kindOf(err) != tt.kind || string(a.Raw) != tt.body {
				t.Errorf("%d %s: got %q, %v; want %q, %q", tt.status, tt.body, a.Outcome, err, tt.outcome, tt.kind)
			}
		})
	}
}

func TestRequestsCarryWhatThePartnerWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []*http.Request
		var bodies []string
		p := beside(t, &bank{call: func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			requests, bodies = append(requests, r), append(bodies, string(body))
			w.WriteHeader(http.StatusAccepted)
		}})
		noWebhook := submission()
		noWebhook.WebhookURL = ""
		for _, s := range []verdict.Submission{submission(), noWebhook} {
			if _, err := p.Submit(t.Context(), s); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Check(t.Context(), ask(ours)); err == nil {
			t.Error("took a 202 for an answer")
		}
		const theirs = "0198f000-0000-4000-8000-000000000001"
		wants := []map[string]string{
			{"": "POST /collection/v1_0/requesttopay", "X-Reference-Id": theirs, "X-Callback-Url": "https://us.example/w", "Content-Type": "application/json"},
			{"": "POST /collection/v1_0/requesttopay", "X-Reference-Id": theirs, "X-Callback-Url": "absent"},
			{"": "GET /collection/v1_0/requesttopay/" + theirs, "X-Reference-Id": "absent", "X-Callback-Url": "absent", "Content-Type": "absent"},
		}
		for i, want := range wants {
			want["Authorization"], want["Ocp-Apim-Subscription-Key"] = "Bearer token-1", "s3cret-subscription"
			want["X-Target-Environment"] = "mtnivorycoast"
			for name, value := range want {
				got := "absent"
				if values, ok := requests[i].Header[name]; ok {
					got = strings.Join(values, "|")
				}
				if name == "" {
					got = requests[i].Method + " " + requests[i].RequestURI
				}
				if got != value {
					t.Errorf("request %d, %q: got %q, want %q", i, name, got, value)
				}
			}
		}
		if !strings.Contains(bodies[0], `"amount":"100"`) || bodies[2] != "" {
			t.Errorf("bodies %q", bodies)
		}
	})
}

func TestTraitsComeFromTheSettings(t *testing.T) {
	c := settings()
	c.NotFoundFinal, c.SubmitTimeout, c.Submits, c.Checks = 0, 10*time.Second, 3, 4
	p, err := New(c)
	want := verdict.Traits{
		Deduplicates: true, SettlesWithin: 5 * time.Minute, SubmitTimeout: 10 * time.Second, Submits: 3, Checks: 4,
		Budget: verdict.Budget{Limit: 10, Window: time.Second, Burst: 1},
	}
	if err != nil || p.Traits() != want {
		t.Errorf("got %+v, %v; want %+v", p.Traits(), err, want)
	}
}

func ask(reference string) verdict.Question {
	return verdict.Question{Reference: reference, Deadline: time.Now().Add(verdict.CheckTimeout)}
}
