package djamo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"testing"
	"time"

	"verdict"
	"verdict/provider/providertest"
)

var words = map[verdict.Outcome]string{
	verdict.OutcomeSucceeded: "completed", verdict.OutcomeFailed: "declined", verdict.OutcomePending: "pending",
}

func TestProvider(t *testing.T) {
	providertest.Run(t, open, providertest.Wire{
		Read: func(r *http.Request, body []byte) providertest.Call {
			if r.Method != http.MethodPost {
				return providertest.Call{Reference: path.Base(r.URL.Path)}
			}
			var told struct {
				ID, WebhookURL string
				Amount         json.RawMessage
			}
			if err := json.Unmarshal(body, &told); err != nil {
				t.Error(err)
			}
			return providertest.Call{
				Submit: true, Reference: told.ID, WebhookURL: told.WebhookURL, Payload: string(told.Amount),
			}
		},
		Tell: func(c providertest.Call, o verdict.Outcome) providertest.Reply {
			switch {
			case o != verdict.OutcomeNotFound:
				return providertest.Reply{Status: http.StatusOK, Body: object(c.Reference, words[o])}
			case !c.Submit:
				return providertest.Reply{Status: http.StatusNotFound}
			}
			return providertest.Reply{}
		},
		Throttle: func(_ providertest.Call, after time.Duration) providertest.Reply {
			return providertest.Reply{
				Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {fmt.Sprint(after.Seconds())}},
			}
		},
		Webhook: func(reference string, o verdict.Outcome) []byte {
			if o == verdict.OutcomeNotFound {
				return nil
			}
			return []byte(object(reference, words[o]))
		},
	})
}

// open returns the adapter of a partner at that URL, over a network of the test's own if dial isn't nil.
func open(t *testing.T, baseURL string, dial providertest.Dial) verdict.Provider {
	t.Helper()
	c := Defaults()
	c.URL, c.Dial = baseURL, dial
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func object(id, status string) string {
	return fmt.Sprintf(`{"id":%q,"status":%q,"webhookUrl":"https://us.example/w"}`, id, status)
}

func submission(reference string) verdict.Submission {
	return verdict.Submission{
		Reference: reference, Payload: []byte(`{"amount":"100"}`), WebhookURL: "https://us.example/w",
		Deadline: time.Now().Add(verdict.MarkerTTL),
	}
}
