package momo

import (
	"errors"
	"strings"
	"testing"

	"verdict"
)

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
