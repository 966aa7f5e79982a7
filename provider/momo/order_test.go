package momo

import (
	"encoding/json"
	"strings"
	"testing"

	"verdict"
)

func TestPayloadBecomesARequest(t *testing.T) {
	full := strings.Repeat("é", maxText)
	for _, tt := range []struct{ payload, want string }{
		{`{"amount":"100","payer":"2250701020304"}`,
			`{"amount":"100","currency":"XOF","externalId":"` + ours + `","payer":{"partyIdType":"MSISDN","partyId":"2250701020304"}}`},
		{`{"amount":10000000000000000001.10,"payer":2250701020304,"currency":"XOF","id":"152399","simulate":{}}`,
			`{"amount":"10000000000000000001.10","currency":"XOF","externalId":"` + ours + `","payer":{"partyIdType":"MSISDN","partyId":"2250701020304"}}`},
		{`{"amount":"0.5","payer":"1","externalId":"order-17","payerMessage":"` + full + `","payeeNote":"` + full + `","currency":null}`,
			`{"amount":"0.5","currency":"XOF","externalId":"order-17","payer":{"partyIdType":"MSISDN","partyId":"1"},"payerMessage":"` + full + `","payeeNote":"` + full + `"}`},
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
	long := strings.Repeat("é", maxText+1)
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
