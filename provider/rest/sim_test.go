package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/provider/djamo"
	"verdict/provider/providertest"
	"verdict/provider/sim"
)

// account is all that an adapter made of what the misbehaving partner did.
type account struct {
	mu   sync.Mutex
	said map[string]int
}

func (a *account) note(what string, answer verdict.Answer, err error) {
	kind := ""
	if throttled, ok := errors.AsType[*verdict.ThrottledError](err); ok {
		kind = throttled.Error()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said[fmt.Sprintf("%s: %s, %q, about %q, not sent %t, uncertain %t, %s, %s", what, answer.Outcome, answer.Reason, answer.Reference,
		errors.Is(err, verdict.ErrNotSent), errors.Is(err, verdict.ErrUncertain), kind, answer.Raw)]++
}

// transport takes the partner's webhooks.
type transport func(body []byte)

func (take transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	take(body)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, err
}

// run has an adapter pay and check beside a partner of that seed, and returns its account.
func run(t *testing.T, open func(dial providertest.Dial) (verdict.Provider, error)) *account {
	const payments = 200
	acc := &account{said: map[string]int{}}
	synctest.Test(t, func(t *testing.T) {
		pipe := providertest.NewPipe()
		p, err := open(pipe.Dial)
		if err != nil {
			t.Fatal(err)
		}
		partner, err := sim.New(sim.Config{Seed: 11, BanAfter: payments, BanWindow: time.Hour, Transport: transport(func(body []byte) {
			a, err := p.ReadWebhook(body)
			acc.note("webhook", a, err)
		})})
		if err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: partner}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(pipe) }) // until it is closed
		defer serving.Wait()
		defer func() {
			if err := errors.Join(partner.Close(), server.Close()); err != nil {
				t.Error(err)
			}
		}()
		var calls sync.WaitGroup
		for i := range payments {
			calls.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), p.Traits().SubmitTimeout)
				defer cancel()
				a, err := p.Submit(ctx, verdict.Submission{
					Reference: fmt.Sprint(i), Payload: []byte(`{"amount":1.10}`), WebhookURL: "https://us.example/w",
					Deadline: time.Now().Add(verdict.MarkerTTL),
				})
				acc.note(fmt.Sprint("submit ", i), a, err)
			})
		}
		calls.Wait()
		time.Sleep(p.Traits().NotFoundFinal)
		for i := range payments + 2 { // the last two are too many
			a, err := p.Check(t.Context(), verdict.Question{Reference: fmt.Sprint(i), Deadline: time.Now().Add(verdict.CheckTimeout)})
			acc.note(fmt.Sprint("check ", i), a, err)
		}
		if n := len(partner.Ledger()); n == 0 || n == payments {
			t.Errorf("%d of %d were carried out; want some lost", n, payments)
		}
	})
	return acc
}

// The partner of the demo has an adapter in Go. Described in YAML it comes to the same conclusions, word for word.
func TestDescriptionSaysWhatTheAdapterInGoSays(t *testing.T) {
	inGo := run(t, func(dial providertest.Dial) (verdict.Provider, error) {
		c := djamo.Defaults()
		c.URL, c.Dial = "http://partner.example", dial
		return djamo.New(c)
	})
	c := example(t, "djamo")
	inYAML := run(t, func(dial providertest.Dial) (verdict.Provider, error) {
		c.URL, c.Dial = "http://partner.example", dial
		return New(c)
	})
	if len(inGo.said) < 500 {
		t.Errorf("only %d different things were said", len(inGo.said))
	}
	for said, n := range inGo.said {
		if inYAML.said[said] != n {
			t.Errorf("in Go %d times, in YAML %d times: %s", n, inYAML.said[said], said)
		}
	}
	if len(inYAML.said) != len(inGo.said) {
		t.Errorf("said %d different things, in Go %d", len(inYAML.said), len(inGo.said))
	}
}
