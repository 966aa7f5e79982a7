package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"verdict"
	"verdict/provider/providertest"
)

// throttle is how both partners turn away a client that comes too often.
func throttle(_ providertest.Call, after time.Duration) providertest.Reply {
	return providertest.Reply{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {fmt.Sprint(after.Seconds())}}}
}

var djamoWords = map[verdict.Outcome]string{
	verdict.OutcomeSucceeded: "completed", verdict.OutcomeFailed: "declined", verdict.OutcomePending: "pending",
}

func TestPartnerOfTheDemoInYAML(t *testing.T) {
	object := func(reference string, o verdict.Outcome) string {
		return fmt.Sprintf(`{"id":%q,"status":%q,"webhookUrl":"https://us.example/w"}`, reference, djamoWords[o])
	}
	providertest.Run(t, opener(example(t, "djamo")), providertest.Wire{
		Read: func(r *http.Request, body []byte) providertest.Call {
			if r.Method != http.MethodPost {
				return providertest.Call{Reference: strings.TrimPrefix(r.URL.Path, "/transaction/")}
			}
			var told struct {
				ID, WebhookURL string
				Amount         json.RawMessage
			}
			if err := json.Unmarshal(body, &told); err != nil {
				t.Error(err)
			}
			return providertest.Call{Submit: true, Reference: told.ID, WebhookURL: told.WebhookURL, Payload: string(told.Amount)}
		},
		Tell: func(c providertest.Call, o verdict.Outcome) providertest.Reply {
			switch {
			case o != verdict.OutcomeNotFound:
				return providertest.Reply{Status: http.StatusOK, Body: object(c.Reference, o)}
			case !c.Submit:
				return providertest.Reply{Status: http.StatusNotFound}
			}
			return providertest.Reply{}
		},
		Throttle: throttle,
		Webhook: func(reference string, o verdict.Outcome) []byte {
			if o == verdict.OutcomeNotFound {
				return nil
			}
			return []byte(object(reference, o))
		},
	})
}

var acmeStates = map[verdict.Outcome]string{
	verdict.OutcomeSucceeded: "succeeded", verdict.OutcomeFailed: "cancelled", verdict.OutcomePending: "created",
}

// acmePayment is a payment as the partner of the documentation tells it.
func acmePayment(reference string, o verdict.Outcome) string {
	failure := "null"
	if o == verdict.OutcomeFailed {
		failure = `{"message":"Solde insuffisant, désolé"}`
	}
	return fmt.Sprintf(`{"uid":"p_17","ref":%q,"state":%q,"failure":%s}`, reference, acmeStates[o], failure)
}

func TestPartnerOfTheDocumentation(t *testing.T) {
	providertest.Run(t, opener(example(t, "acme")), providertest.Wire{
		Authenticates: true,
		Read: func(r *http.Request, body []byte) providertest.Call {
			if r.Header.Get("X-Merchant") != "17" || r.Header.Get("Authorization") != "Bearer held" {
				t.Errorf("header %v", r.Header)
			}
			if r.Method != http.MethodPost {
				return providertest.Call{Reference: r.URL.Query().Get("ref")}
			}
			var told struct {
				Ref         string
				CallbackURL string `json:"callback_url"`
				Amount      struct{ Value json.RawMessage }
				Note        *string
			}
			if err := json.Unmarshal(body, &told); err != nil || told.Note != nil || told.Ref != r.Header.Get("Idempotency-Key") {
				t.Errorf("%s, %v", body, err)
			}
			return providertest.Call{Submit: true, Reference: told.Ref, WebhookURL: told.CallbackURL, Payload: string(told.Amount.Value)}
		},
		Tell: func(c providertest.Call, o verdict.Outcome) providertest.Reply {
			switch {
			case c.Submit && o == verdict.OutcomeFailed:
				return providertest.Reply{Status: http.StatusUnprocessableEntity, Body: `{"error":{"code":"insufficient_funds"}}`}
			case c.Submit && o == verdict.OutcomeNotFound:
				return providertest.Reply{}
			case c.Submit:
				return providertest.Reply{Status: http.StatusCreated, Body: `{"data":{"payment":{"uid":"p_17","state":"` + acmeStates[o] + `"}}}`}
			case o == verdict.OutcomeNotFound:
				return providertest.Reply{Status: http.StatusOK, Body: `{"data":{"payments":[]}}`}
			}
			return providertest.Reply{Status: http.StatusOK, Body: `{"data":{"payments":[` + acmePayment(c.Reference, o) + `]}}`}
		},
		Throttle: throttle,
		Webhook: func(reference string, o verdict.Outcome) []byte {
			event := map[verdict.Outcome]string{verdict.OutcomeSucceeded: "payment.succeeded", verdict.OutcomeFailed: "payment.failed"}[o]
			if event == "" {
				return nil
			}
			return []byte(`{"event":"` + event + `","data":{"payment":` + acmePayment(reference, o) + `}}`)
		},
	})
}
