package providertest

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"verdict"
)

var outcomes = [...]verdict.Outcome{
	verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending, verdict.OutcomeNotFound,
}

func (s suite) tellsPartner(t *testing.T) {
	p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, Reply{Status: http.StatusInternalServerError}) })
	_, err := call(t, s.open(t, p.URL, nil), true)
	wantError(t, true, verdict.Answer{}, err, "uncertain")
	want := Call{Submit: true, Reference: reference, WebhookURL: webhookURL, Payload: amount}
	if len(p.calls) != 1 || p.calls[0] != want {
		t.Errorf("the partner was told %+v, want %+v", p.calls, want)
	}
}

func (s suite) outcomes(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		tellable := 0
		for _, o := range outcomes {
			if s.wire.Tell(Call{Submit: submit, Reference: reference}, o).Status == 0 {
				continue
			}
			tellable++
			p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, s.wire.Tell(c, o)) })
			a, err := call(t, s.open(t, p.URL, nil), submit)
			if err != nil || a.Outcome != o {
				t.Errorf("told %s: got %q, %v", o, a.Outcome, err)
			}
			if failed := o == verdict.OutcomeFailed; failed != (a.Reason != "") {
				t.Errorf("told %s: got the reason %q", o, a.Reason)
			}
		}
		if tellable == 0 {
			t.Error("the fixture can't tell any outcome")
		}
	})
}

func (s suite) webhooks(t *testing.T) {
	p := s.open(t, "http://partner.example", nil)
	for _, o := range outcomes {
		body := s.wire.Webhook(reference, o)
		if body == nil {
			continue
		}
		a, err := p.ReadWebhook(body)
		if err != nil || a.Outcome != o || !bytes.Equal(a.Raw, body) {
			t.Errorf("webhook %s: got %q, %v, raw %q", body, a.Outcome, err, a.Raw)
		}
	}
	valid := s.wire.Webhook(reference, verdict.OutcomeSucceeded)
	rubbish := [][]byte{
		nil, []byte("{}"), []byte("[]"), []byte("null"), []byte(`"completed"`), []byte("<html>"), {0xff},
		valid[:len(valid)/2], append(bytes.Clone(valid), valid...), []byte(gossip),
	}
	for _, body := range rubbish {
		a, err := p.ReadWebhook(body)
		if err == nil || a.Outcome != "" {
			t.Errorf("webhook %q: got %q, %v; want an error", body, a.Outcome, err)
		}
		quotesNothing(t, err)
	}
}

// gossip is an answer that is refused, with a user's affairs in it.
const gossip = `{"2250701020304": 1, "2250701020304": 2}`

// quotesNothing checks that an error, which is logged, holds nothing that the partner said.
func quotesNothing(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "2250701020304") {
		t.Errorf("an error quotes the partner: %v", err)
	}
}

func (s suite) keepsRaw(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		said := Reply{Status: http.StatusGatewayTimeout, Body: "Timeout"}
		p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, said) })
		provider := s.open(t, p.URL, nil)
		a, err := call(t, provider, submit)
		wantError(t, submit, a, err, "uncertain")
		if string(a.Raw) != said.Body {
			t.Errorf("beside an error: kept %q, want %q", a.Raw, said.Body)
		}
		for _, o := range outcomes {
			said = s.wire.Tell(Call{Submit: submit, Reference: reference}, o)
			if said.Status == 0 {
				continue
			}
			if a, err = call(t, provider, submit); err != nil || string(a.Raw) != said.Body {
				t.Errorf("%s: kept %q, %v; want %q", o, a.Raw, err, said.Body)
			}
		}
	})
}

func (s suite) throttling(t *testing.T) {
	both(t, func(t *testing.T, submit bool) {
		p := s.onTCP(t, func(w http.ResponseWriter, c Call) { send(w, s.wire.Throttle(c, 90*time.Second)) })
		a, err := call(t, s.open(t, p.URL, nil), submit)
		wantError(t, submit, a, err, "throttled")
		if throttled, ok := errors.AsType[*verdict.ThrottledError](err); ok && throttled.After != 90*time.Second {
			t.Errorf("told to stay away for %s, want 90s", throttled.After)
		}
		if n := p.arrived(reference); n != 1 {
			t.Errorf("%d calls arrived, want 1", n)
		}
	})
}

func (s suite) traits(t *testing.T) {
	p := s.open(t, "http://partner.example", nil)
	traits := p.Traits()
	if traits.SubmitTimeout < 5*time.Second || traits.Submits < 1 || traits.Checks < 1 {
		t.Errorf("%+v: want a submit timeout of at least 5s for this suite, and room for a call of each kind", traits)
	}
	if traits.NotFoundFinal < 0 || traits.NotFoundFinal > 0 && traits.NotFoundFinal <= traits.SubmitTimeout {
		t.Errorf("%+v: \"not found\" can't be final while the submit is under way", traits)
	}
	if p.Traits() != traits {
		t.Error("traits changed")
	}
}
