package momo

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

const refusal = `{"code":"INVALID_CURRENCY","message":"Currency not supported."}`

func TestProvider(t *testing.T) {
	providertest.Run(t, open, providertest.Wire{
		Authenticates: true,
		Read: func(r *http.Request, body []byte) providertest.Call {
			if r.Method != http.MethodPost {
				return providertest.Call{Reference: ourReference(path.Base(r.URL.Path))}
			}
			var told request
			if err := json.Unmarshal(body, &told); err != nil {
				t.Error(err)
			}
			return providertest.Call{
				Submit: true, Reference: ourReference(r.Header.Get("X-Reference-Id")),
				WebhookURL: r.Header.Get("X-Callback-Url"), Payload: told.Amount,
			}
		},
		Tell: func(c providertest.Call, o verdict.Outcome) providertest.Reply {
			switch {
			case c.Submit && o == verdict.OutcomePending:
				return providertest.Reply{Status: http.StatusAccepted}
			case c.Submit && o == verdict.OutcomeFailed:
				return providertest.Reply{Status: http.StatusInternalServerError, Body: refusal}
			case c.Submit:
				return providertest.Reply{}
			case o == verdict.OutcomeNotFound:
				return providertest.Reply{Status: http.StatusNotFound, Body: `{"code":"RESOURCE_NOT_FOUND","message":"Requested resource was not found."}`}
			}
			return providertest.Reply{Status: http.StatusOK, Body: result(o)}
		},
		Throttle: func(_ providertest.Call, after time.Duration) providertest.Reply {
			return providertest.Reply{
				Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {fmt.Sprint(after.Seconds())}},
			}
		},
		Webhook: func(_ string, o verdict.Outcome) []byte {
			if o == verdict.OutcomeNotFound {
				return nil
			}
			return []byte(result(o))
		},
	})
}

// result is a request to pay as the partner tells it.
func result(o verdict.Outcome) string {
	status := map[verdict.Outcome]string{
		verdict.OutcomeSucceeded: `"SUCCESSFUL"`, verdict.OutcomePending: `"PENDING"`,
		verdict.OutcomeFailed: `"FAILED","reason":{"code":"NOT_ENOUGH_FUNDS","message":"The payer has too little."}`,
	}[o]
	return `{"amount":100,"currency":"XOF","financialTransactionId":23503452,"externalId":"order-17",` +
		`"payer":{"partyIdType":"MSISDN","partyId":"2250701020304"},"status":` + status + `}`
}

func settings() Config {
	c := Defaults()
	c.URL, c.TargetEnvironment, c.Currency = "http://partner.example", "mtnivorycoast", "XOF"
	c.SubscriptionKey, c.APIUser, c.APIKey = "s3cret-subscription", "user", "s3cret-key"
	return c
}

// unopened returns the adapter of a partner at that URL, with no access token as yet. If dial isn't nil it is over a
// network of the test's own.
func unopened(t *testing.T, baseURL string, dial providertest.Dial) *Provider {
	t.Helper()
	c := settings()
	c.URL, c.Dial = baseURL, dial
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// open returns the same with an access token that lasts.
func open(t *testing.T, baseURL string, dial providertest.Dial) verdict.Provider {
	t.Helper()
	p := unopened(t, baseURL, dial)
	p.tokens.Keep("held", time.Hour)
	return p
}
