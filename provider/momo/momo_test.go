package momo

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

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
		{401, `{"statusCode":401,"message":"Unauthorized"}`, "", "", "throttled"},
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
		{401, "", "", "throttled"},
		{403, "", "", "throttled"},
		{429, "", "", "throttled"},
		{200, `{"status":"SUCCESSFUL","referenceId":"0198f000-0000-4000-8000-000000000001"}`, verdict.OutcomeSucceeded, ""},
		{200, `{"status":"SUCCESSFUL","referenceId":"0198f000-0000-4000-8000-000000000002"}`, "", "uncertain"},
		{200, `{"status":"SUCCESSFUL","externalId":"0198f000-0000-7000-8000-000000000002"}`, verdict.OutcomeSucceeded, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, err := answering(t, tt.status, tt.body).Check(t.Context(), ours)
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
		if _, err := p.Check(t.Context(), ours); err == nil {
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

func TestReferenceBecomesAVersion4UUIDAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v7 := rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
		a, b := v7.Draw(t, "a"), v7.Draw(t, "b")
		wireA, errA := wireReference(a)
		wireB, errB := wireReference(b)
		if errA != nil || errB != nil || (a == b) != (wireA == wireB) || ourReference(wireA) != a {
			t.Errorf("%s became %s, %s became %s", a, wireA, b, wireB)
		}
		if wireA[versionAt] != '4' || wireA[:versionAt] != a[:versionAt] || wireA[versionAt+1:] != a[versionAt+1:] {
			t.Errorf("%s became %s", a, wireA)
		}
	})
}

func TestReferenceThatIsNoUUIDv7IsNotSent(t *testing.T) {
	p := open(t, "http://127.0.0.1:1", nil)
	for _, reference := range []string{
		"", "152399-536694", "0198f000-0000-4000-8000-000000000001", "0198F000-0000-7000-8000-000000000001",
		"0198f000-0000-7000-c000-000000000001", ours + "\n", "../" + ours, ours[1:], "{" + ours + "}",
	} {
		s := submission()
		s.Reference = reference
		_, submitted := p.Submit(t.Context(), s)
		_, checked := p.Check(t.Context(), reference)
		for _, err := range []error{submitted, checked} {
			if !errors.Is(err, verdict.ErrNotSent) || !strings.HasPrefix(err.Error(), "the reference isn't a UUIDv7") {
				t.Errorf("%q: got %v", reference, err)
			}
		}
		if theirs := strings.Replace(reference, "-7", "-4", 1); reference != "0198f000-0000-4000-8000-000000000001" && ourReference(theirs) != "" {
			t.Errorf("%q was taken for one of ours", theirs)
		}
	}
}

func TestPayloadBecomesARequest(t *testing.T) {
	for _, tt := range []struct{ payload, want string }{
		{`{"amount":"100","payer":"2250701020304"}`,
			`{"amount":"100","currency":"XOF","externalId":"` + ours + `","payer":{"partyIdType":"MSISDN","partyId":"2250701020304"}}`},
		{`{"amount":10000000000000000001.10,"payer":2250701020304,"currency":"XOF","id":"152399","simulate":{}}`,
			`{"amount":"10000000000000000001.10","currency":"XOF","externalId":"` + ours + `","payer":{"partyIdType":"MSISDN","partyId":"2250701020304"}}`},
		{`{"amount":"0.5","payer":"1","externalId":"order-17","payerMessage":"Merci","payeeNote":"` + strings.Repeat("é", 160) + `","currency":null}`,
			`{"amount":"0.5","currency":"XOF","externalId":"order-17","payer":{"partyIdType":"MSISDN","partyId":"1"},"payerMessage":"Merci","payeeNote":"` + strings.Repeat("é", 160) + `"}`},
		{`{"amount":"1","payer":"1","externalId":"","payerMessage":null,"payeeNote":""}`,
			`{"amount":"1","currency":"XOF","externalId":"` + ours + `","payer":{"partyIdType":"MSISDN","partyId":"1"}}`},
	} {
		got, err := order(verdict.Submission{Reference: ours, Payload: []byte(tt.payload)}, "XOF")
		if err != nil || string(got) != tt.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", tt.payload, got, err, tt.want)
		}
	}
}

func TestPayloadThatCanNeverBeSentFailsWithTheMend(t *testing.T) {
	p := open(t, "http://127.0.0.1:1", nil)
	amount := func(a string) string { return `{"amount":` + a + `,"payer":"1"}` }
	payer := func(p string) string { return `{"amount":1,"payer":` + p + `}` }
	with := func(member string) string { return `{"amount":1,"payer":"1",` + member + `}` }
	for payload, want := range map[string]string{
		"":                                    "payload: give a JSON object",
		"null":                                "payload: give a JSON object",
		"[]":                                  "payload: give a JSON object",
		"{}":                                  "amount: give digits above zero",
		amount(`"-1"`):                        "amount: ",
		amount(`-1`):                          "amount: ",
		amount(`0`):                           "amount: ",
		amount(`"0.00"`):                      "amount: ",
		amount(`1e3`):                         "amount: ",
		amount(`"1,5"`):                       "amount: ",
		amount(`" 1"`):                        "amount: ",
		amount(`"007"`):                       "amount: ",
		amount(`"1\n"`):                       "amount: ",
		amount(`""`):                          "amount: ",
		amount(`true`):                        "amount: ",
		amount(`{"value":1}`):                 "amount: ",
		amount(strings.Repeat("9", 33)):       "amount: ",
		`{"Amount":1,"payer":"1"}`:            "amount: ",
		payer(`"+2250701020304"`):             "payer: give the phone number",
		payer(`"07 01 02"`):                   "payer: ",
		payer(`"1234567890123456"`):           "payer: ",
		payer(`1.5`):                          "payer: ",
		payer(`null`):                         "payer: ",
		payer(`{"partyId":"1"}`):              "payer: ",
		with(`"currency":"EUR"`):              `currency: "EUR" can't be paid here; give XOF`,
		with(`"currency":"xof"`):              "currency: ",
		with(`"currency":952`):                "currency: give a text",
		with(`"externalId":17`):               "externalId: give a text",
		with(`"payerMessage":["a"]`):          "payerMessage: give a text",
		with(`"payeeNote":false`):             "payeeNote: give a text",
		with(`"payeeNote":"` + long + `"`):    "at most 160 characters",
		with(`"payerMessage":"` + long + `"`): "at most 160 characters",
	} {
		s := submission()
		s.Payload = []byte(payload)
		a, err := p.Submit(t.Context(), s)
		if err != nil || a.Outcome != verdict.OutcomeFailed || !strings.Contains(a.Reason, want) || a.Raw != nil {
			t.Errorf("%.60s: got %q, %q, %v; want it failed, %q", payload, a.Outcome, a.Reason, err, want)
		}
	}
}

var long = strings.Repeat("é", 161)

func TestReadTakesOnlyWhatIsCertain(t *testing.T) {
	failed := func(reason string) string { return `{"status":"FAILED","reason":` + reason + `}` }
	for _, tt := range []struct {
		body   string
		want   verdict.Outcome // "": an error
		reason string
	}{
		{result(verdict.OutcomeSucceeded), verdict.OutcomeSucceeded, ""},
		{result(verdict.OutcomePending), verdict.OutcomePending, ""},
		{result(verdict.OutcomeFailed), verdict.OutcomeFailed, "NOT_ENOUGH_FUNDS"},
		{failed(`"APPROVAL_REJECTED"`), verdict.OutcomeFailed, "APPROVAL_REJECTED"},
		{failed(`"Payer said no"`), verdict.OutcomeFailed, "Payer said no"},
		{failed(`{"code":"EXPIRED"}`), verdict.OutcomeFailed, "EXPIRED"},
		{failed(`{"code":17}`), verdict.OutcomeFailed, "17"},
		{failed(`{"message":"?"}`), verdict.OutcomeFailed, noReason},
		{failed(`{}`), verdict.OutcomeFailed, noReason},
		{failed(`null`), verdict.OutcomeFailed, noReason},
		{failed(`["EXPIRED"]`), verdict.OutcomeFailed, noReason},
		{failed(`""`), verdict.OutcomeFailed, noReason},
		{failed(`"two\nlines"`), verdict.OutcomeFailed, noReason},
		{failed(`"` + strings.Repeat("x", 161) + `"`), verdict.OutcomeFailed, noReason},
		{`{"status":"FAILED"}`, verdict.OutcomeFailed, noReason},
		{`{"status":"SUCCESSFUL","reason":"EXPIRED"}`, verdict.OutcomeSucceeded, ""},
		{`{"status":"Successful"}`, "", ""},
		{`{"status":"CREATED"}`, "", ""},
		{`{"Status":"SUCCESSFUL"}`, "", ""},
		{`{"status":["SUCCESSFUL"]}`, "", ""},
		{`{"status":"FAILED","status":"SUCCESSFUL"}`, "", ""},
		{`{"status":"SUCCESSFUL"} {}`, "", ""},
		{`{"status":"SUCCESSFUL"`, "", ""},
		{`{"status":"SUCCESSFUL","x":"` + strings.Repeat("x", verdict.MaxRaw) + `"}`, "", ""},
	} {
		a, err := read([]byte(tt.body))
		if a.Outcome != tt.want || a.Reason != tt.reason || (err != nil) != (tt.want == "") || err != nil && !errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("%.80s: got %q, %q, %v; want %q, %q", tt.body, a.Outcome, a.Reason, err, tt.want, tt.reason)
		}
		if string(a.Raw) != tt.body || a.Reference != "" {
			t.Errorf("%.80s: kept %.80q, about %q", tt.body, a.Raw, a.Reference)
		}
	}
}

func TestWebhookNamesOnlyWhatMapsBackExactly(t *testing.T) {
	p := open(t, "http://partner.example", nil)
	for member, want := range map[string]string{
		`"referenceId":"0198f000-0000-4000-8000-000000000001"`: ours,
		`"referenceId":"0198f000-0000-7000-8000-000000000001"`: "",
		`"referenceId":"23503452"`:                             "",
		`"referenceId":null`:                                   "",
		`"externalId":"0198f000-0000-7000-8000-000000000001"`:  "",
	} {
		a, err := p.ReadWebhook([]byte(`{"status":"PENDING",` + member + `}`))
		if err != nil || a.Reference != want {
			t.Errorf("%s: got %q, %v; want %q", member, a.Reference, err, want)
		}
	}
}

func FuzzReadWebhook(f *testing.F) {
	p, err := New(settings())
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(result(verdict.OutcomeSucceeded)))
	f.Add([]byte(result(verdict.OutcomeFailed)))
	f.Add([]byte(`{"status":"FAILED","reason":"EXPIRED","referenceId":"0198f000-0000-4000-8000-000000000001"}`))
	f.Add([]byte(`{"status":"FAILED","status":"SUCCESSFUL"}`))
	f.Add([]byte(`{"status":"FAILED","reason":{"code":{"code":1e400}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := p.ReadWebhook(body)
		if string(a.Raw) != string(body) {
			t.Errorf("kept %q", a.Raw)
		}
		if err != nil {
			if a.Outcome != "" || a.Reference != "" || !errors.Is(err, verdict.ErrUncertain) {
				t.Errorf("got %+v beside %v", a, err)
			}
			return
		}
		if (a.Outcome == verdict.OutcomeFailed) != (a.Reason != "") || len(a.Reason) > 160 {
			t.Errorf("read %q with the reason %q", a.Outcome, a.Reason)
		}
		if a.Reference != "" {
			if back, err := wireReference(a.Reference); err != nil || !strings.Contains(string(body), "-") {
				t.Errorf("it names %q, which is %q, %v", a.Reference, back, err)
			}
		}
	})
}

func FuzzOrder(f *testing.F) {
	f.Add([]byte(`{"amount":"100","payer":"2250701020304","currency":"XOF","payerMessage":"a","payeeNote":"b","externalId":"c"}`))
	f.Add([]byte(`{"amount":1e400,"payer":2250701020304}`))
	f.Add([]byte(`{"amount":0.10,"payer":"1","payeeNote":"\ud800"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		body, err := order(verdict.Submission{Reference: ours, Payload: payload}, "XOF")
		if err != nil {
			if body != nil || len(err.Error()) > 200 {
				t.Errorf("got %q beside %v", body, err)
			}
			return
		}
		var r request
		if err := json.Unmarshal(body, &r); err != nil {
			t.Fatal(err)
		}
		if r.Currency != "XOF" || !amountForm.MatchString(r.Amount) || !payerForm.MatchString(r.Payer.PartyID) || r.ExternalID == "" {
			t.Errorf("%q became %s", payload, body)
		}
		if digits := strings.Trim(r.Amount, "0."); digits == "" || !strings.Contains(string(payload), `\u`) && !strings.Contains(string(payload), r.Amount) {
			t.Errorf("%q became the amount %s", payload, r.Amount)
		}
	})
}

func TestTraitsComeFromTheSettings(t *testing.T) {
	c := settings()
	c.NotFoundFinal, c.SubmitTimeout, c.Submits, c.Checks = 0, 10*time.Second, 3, 4
	p, err := New(c)
	want := verdict.Traits{Deduplicates: true, SubmitTimeout: 10 * time.Second, Submits: 3, Checks: 4}
	if err != nil || p.Traits() != want {
		t.Errorf("got %+v, %v; want %+v", p.Traits(), err, want)
	}
}
