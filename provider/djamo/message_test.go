package djamo

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"verdict"
	"verdict/provider/providertest"
)

func TestOrderKeepsThePayloadButForOurMembers(t *testing.T) {
	for _, tt := range []struct{ payload, want string }{
		{`{}`, `{"id":"ours","webhookUrl":"https://us/w"}`},
		{`{"id":"theirs","webhookUrl":"https://evil/"}`, `{"id":"ours","webhookUrl":"https://us/w"}`},
		{`{"ID":"theirs","Id":1,"WebhookURL":null}`, `{"id":"ours","webhookUrl":"https://us/w"}`},
		{`{"amount": 10000000000000000001.10, "payer":{"id":"225"}}`,
			`{"amount":10000000000000000001.10,"id":"ours","payer":{"id":"225"},"webhookUrl":"https://us/w"}`},
	} {
		got, err := order(verdict.Submission{Reference: "ours", WebhookURL: "https://us/w", Payload: []byte(tt.payload)})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v; want %s", tt.payload, got, err, tt.want)
		}
	}
}

func TestPayloadThatIsNoObjectIsNotSent(t *testing.T) {
	for _, payload := range []string{"", "null", "[]", `"text"`, "{"} {
		s := verdict.Submission{Reference: "ours", Payload: []byte(payload), Deadline: time.Now().Add(time.Minute)}
		_, err := open(t, "http://127.0.0.1:1", nil).Submit(t.Context(), s)
		if !errors.Is(err, verdict.ErrNotSent) || errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("%q: got %v", payload, err)
		}
	}
}

func TestReadTakesOnlyWhatIsCertain(t *testing.T) {
	for _, tt := range []struct {
		body string
		want verdict.Outcome // "": an error
	}{
		{`{"id":"a","status":"completed"}`, verdict.OutcomeSucceeded},
		{`{"id":"a","status":"declined","webhookUrl":"x","fee":{"n":1}}`, verdict.OutcomeFailed},
		{" {\"status\":\"pending\",\n\"id\":\"a\"} ", verdict.OutcomePending},
		{`{"id":"a","status":"Completed"}`, ""},
		{`{"id":"a","status":"succeeded"}`, ""},
		{`{"id":"a","status":{"id":"a","status":"completed"}}`, ""},
		{`{"id":"a","status":["completed"]}`, ""},
		{`{"id":"a","status":"declined","status":"completed"}`, ""},
		{`{"id":"a","Status":"completed"}`, ""},
		{`{"id":1,"status":"completed"}`, ""},
		{`{"id":"","status":"completed"}`, ""},
		{`{"status":"completed"}`, ""},
		{`{"id":"a","status":"completed"} {}`, ""},
		{`{"id":"a","status":"completed"`, ""},
		{`{"id":"a","status":"completed","x":"` + strings.Repeat("x", verdict.MaxRaw) + `"}`, ""},
	} {
		a, err := read([]byte(tt.body))
		if a.Outcome != tt.want || (err != nil) != (tt.want == "") || err != nil && !errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("%.80s: got %q, %v; want %q", tt.body, a.Outcome, err, tt.want)
		}
		if string(a.Raw) != tt.body {
			t.Errorf("%.80s: kept %.80q", tt.body, a.Raw)
		}
	}
}

func FuzzReadWebhook(f *testing.F) {
	p, err := New(Config{URL: "http://partner.example", SubmitTimeout: time.Second, Submits: 1, Checks: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"id":"a","status":"completed"}`))
	f.Add([]byte(`{"id":"a","status":"declined","status":"completed"}`))
	f.Add([]byte(`{"ID":"a","status":"pending","x":[1e400,{}]}`))
	f.Add([]byte(`{"id":"\ud800","status":"declined"}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := p.ReadWebhook(bytes.Clone(body))
		if !bytes.Equal(a.Raw, body) {
			t.Errorf("kept %q", a.Raw)
		}
		if err != nil {
			if a.Outcome != "" || !errors.Is(err, verdict.ErrUncertain) {
				t.Errorf("got %q beside %v", a.Outcome, err)
			}
			return
		}
		if words[a.Outcome] == "" || a.Reference == "" || !bytes.Contains(body, []byte("status")) && !bytes.Contains(body, []byte(`\u`)) {
			t.Errorf("read %+v from %q", a, body)
		}
		if again, err := p.ReadWebhook(body); err != nil || again.Outcome != a.Outcome || again.Reference != a.Reference {
			t.Errorf("read %+v, then %+v, %v", a, again, err)
		}
	})
}

// A proxy before the partner, or a wrong base URL, also answers 404. It knows nothing of transactions.
func TestOnlyThePartnersOwn404IsNotFound(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   verdict.Outcome
	}{
		{http.StatusNotFound, "", verdict.OutcomeNotFound},
		{http.StatusNotFound, "404 page not found\n", ""},
		{http.StatusNotFound, object("a", "completed"), ""},
		{http.StatusGone, "", ""},
		{http.StatusNoContent, "", ""},
		{http.StatusOK, "", ""},
	} {
		a, err := onPipe(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
		}).Check(t.Context(), ask("a"))
		if a.Outcome != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%d %q: got %q, %v; want %q", tt.status, tt.body, a.Outcome, err, tt.want)
		}
	}
}

func TestForbiddenThrottlesACheckButDecidesNothingOfASubmit(t *testing.T) {
	p := onPipe(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err := p.Check(t.Context(), ask("a"))
	if throttled, ok := errors.AsType[*verdict.ThrottledError](err); !ok || throttled.After != time.Minute {
		t.Errorf("check: got %v, want to stay away for a minute", err)
	}
	s := verdict.Submission{Reference: "a", Payload: []byte("{}"), Deadline: time.Now().Add(time.Minute)}
	if _, err = p.Submit(t.Context(), s); !errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("submit: got %v, want it uncertain", err)
	}
}

// onPipe returns the adapter of a partner that is served in memory.
func onPipe(t *testing.T, partner http.HandlerFunc) verdict.Provider {
	pipe := providertest.NewPipe()
	server := &http.Server{Handler: partner}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(pipe) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return open(t, "http://partner.example", pipe.Dial)
}

func ask(reference string) verdict.Question {
	return verdict.Question{Reference: reference, Deadline: time.Now().Add(verdict.CheckTimeout)}
}
