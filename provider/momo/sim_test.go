package momo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/provider/providertest"
	"verdict/provider/sim"
	"verdict/provider/wire"
)

// mailbox takes the partner's webhooks, and has the adapter read them. A webhook's URL ends in our reference.
type mailbox struct {
	provider verdict.Provider
	mu       sync.Mutex
	answers  map[string][]verdict.Answer
}

func (m *mailbox) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	a, err := m.provider.ReadWebhook(body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	reference := r.URL.Path[1:]
	m.answers[reference] = append(m.answers[reference], a)
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

// besideSim returns the adapter of a misbehaving partner, in the bubble of the caller.
func besideSim(t *testing.T, c sim.Config) (*Provider, *sim.Momo, *mailbox) {
	pipe := providertest.NewPipe()
	p := unopened(t, "http://partner.example", pipe.Dial)
	box := &mailbox{provider: p, answers: map[string][]verdict.Answer{}}
	c.Transport = box
	partner, err := sim.NewMomo(c)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: partner}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(pipe) }()
	t.Cleanup(func() {
		if err := errors.Join(partner.Close(), server.Close()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return p, partner, box
}

func numbered(n int) string { return fmt.Sprintf("0198f000-0000-7000-8000-%012d", n) }

// pay submits a payment of a payer, with a wish for the simulator unless it is empty.
func pay(p verdict.Provider, reference, payer, wish string) (verdict.Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.Traits().SubmitTimeout)
	defer cancel()
	s := submission()
	s.Reference, s.WebhookURL = reference, "https://us.example/"+reference
	s.Payload = fmt.Appendf(nil, `{"amount":"100","payer":%q}`, payer)
	if wish != "" {
		s.Payload = fmt.Appendf(nil, `{"amount":"100","payer":%q,"payerMessage":%q}`, payer, "simulate:"+wish)
	}
	return p.Submit(ctx, s)
}

const somebody = "2250701020304"

// What is uncertain is asked about, and sent again if the partner never received it, as the settler does. In the end what
// the adapter says of each transaction is what the partner's ledger says, and none was carried out twice.
func TestAnswersAgreeWithThePartnersLedger(t *testing.T) {
	const submits = 500
	synctest.Test(t, func(t *testing.T) {
		p, partner, box := besideSim(t, sim.Config{Seed: 5, BanAfter: -1})
		var last [submits]verdict.Answer
		seen := map[string]int{}
		var mu sync.Mutex
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			seen[what]++
		}
		var calls sync.WaitGroup
		for i := range submits {
			calls.Go(func() {
				a, err := pay(p, numbered(i), somebody, "")
				note(fmt.Sprint("sent: ", a.Outcome, kindOf(err)))
				for a.Outcome != verdict.OutcomeFailed && a.Outcome != verdict.OutcomeSucceeded {
					a, err = p.Check(t.Context(), ask(numbered(i)))
					note(fmt.Sprint("asked: ", a.Outcome, kindOf(err)))
					if time.Sleep(p.Traits().NotFoundFinal); a.Outcome == verdict.OutcomeNotFound {
						if a, _ = p.Check(t.Context(), ask(numbered(i))); a.Outcome == verdict.OutcomeNotFound {
							a, err = pay(p, numbered(i), somebody, "")
							note(fmt.Sprint("sent again: ", a.Outcome, kindOf(err)))
						}
					}
				}
				last[i] = a
			})
		}
		calls.Wait()
		ledger := map[string]verdict.Outcome{}
		for _, e := range partner.Ledger() {
			reference := ourReference(e.ID)
			if reference == "" || ledger[reference] != "" {
				t.Errorf("%s: carried out twice, or isn't ours", e.ID)
			}
			ledger[reference] = map[string]verdict.Outcome{
				"completed": verdict.OutcomeSucceeded, "declined": verdict.OutcomeFailed,
			}[e.Status]
		}
		for i := range submits {
			reference := numbered(i)
			if want := ledger[reference]; last[i].Outcome != want && (want != "" || last[i].Reason != "NOT_ALLOWED") {
				t.Errorf("%s: we say %q, %q; the ledger %q", reference, last[i].Outcome, last[i].Reason, want)
			}
			for _, a := range box.answers[reference] {
				note("webhook")
				if a.Outcome != ledger[reference] || a.Reference != "" && a.Reference != reference {
					t.Errorf("%s: the webhook says %q of %q, the ledger %q", reference, a.Outcome, a.Reference, ledger[reference])
				}
				if a.Reference != "" {
					note("webhook that names it")
				}
			}
		}
		for _, state := range []string{
			"sent: pending", "sent: failed", "sent: uncertain", "asked: pending", "asked: not_found", "asked: succeeded", "asked: failed",
			"sent again: pending", "webhook", "webhook that names it",
		} {
			if seen[state] == 0 {
				t.Errorf("%q was never seen; the test proves little: %v", state, seen)
			}
		}
		t.Log(seen)
	})
}

func TestSendingAgainActsOnceWhateverBecameOfTheFirst(t *testing.T) {
	for wish, want := range map[string]string{
		`{"reply":"ok","status":"completed"}`:                     "pending",
		`{"reply":"lost","status":"completed"}`:                   "uncertain",
		`{"reply":"refused"}`:                                     "uncertain",
		`{"reply":"timeout","settles":true,"status":"completed"}`: "uncertain",
		`{"reply":"timeout","settles":false}`:                     "uncertain",
	} {
		synctest.Test(t, func(t *testing.T) {
			p, partner, _ := besideSim(t, sim.Config{})
			a, err := pay(p, ours, somebody, wish)
			if string(a.Outcome)+kindOf(err) != want {
				t.Errorf("%s: got %q, %v; want %s", wish, a.Outcome, err, want)
			}
			for range 3 {
				if a, err := pay(p, ours, somebody, `{"reply":"ok","status":"completed"}`); err != nil || a.Outcome != verdict.OutcomePending {
					t.Errorf("%s, then again: got %q, %v", wish, a.Outcome, err)
				}
			}
			time.Sleep(p.Traits().NotFoundFinal)
			if a, err := p.Check(t.Context(), ask(ours)); err != nil || a.Outcome != verdict.OutcomeSucceeded {
				t.Errorf("%s, in the end: got %q, %v", wish, a.Outcome, err)
			}
			if e, s := partner.Ledger(), partner.Stats(); len(e) != 1 || s.Posts != 4 {
				t.Errorf("%s: effects %+v, stats %+v", wish, e, s)
			}
		})
	}
}

func TestRefusalsOfThePartnerAreDeclines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, partner, _ := besideSim(t, sim.Config{})
		if a, err := pay(p, ours, somebody, `{"reply":"rejected"}`); err != nil || a.Outcome != verdict.OutcomeFailed || a.Reason != "NOT_ALLOWED" {
			t.Errorf("refused at once: %+v, %v", a, err)
		}
		for payer, want := range map[string]string{
			"46733123450": "INTERNAL_PROCESSING_ERROR", "46733123451": "APPROVAL_REJECTED", "46733123452": "EXPIRED", "46733123455": "PAYER_NOT_FOUND",
		} {
			reference := strings.Replace(ours, "000000000001", "0"+payer, 1)
			if a, err := pay(p, reference, payer, ""); err != nil || a.Outcome != verdict.OutcomePending {
				t.Errorf("%s: %+v, %v", payer, a, err)
			}
			time.Sleep(p.Traits().NotFoundFinal)
			if a, err := p.Check(t.Context(), ask(reference)); err != nil || a.Outcome != verdict.OutcomeFailed || a.Reason != want {
				t.Errorf("%s: %+v, %v; want %s", payer, a, err, want)
			}
		}
		if n := len(partner.Ledger()); n != 4 {
			t.Errorf("%d effects, want 4", n)
		}
	})
}

func TestTokenIsReplacedInTimeAndAfterTheyWereLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, partner, _ := besideSim(t, sim.Config{Speed: 60, BanAfter: -1}) // a token lasts a minute
		for range 600 {
			if a, err := p.Check(t.Context(), ask(ours)); err != nil || a.Outcome != verdict.OutcomeNotFound {
				t.Fatalf("got %q, %v", a.Outcome, err)
			}
			time.Sleep(time.Second)
		}
		if n := partner.Stats().Tokens; n != 20 {
			t.Errorf("%d tokens in ten minutes, want one each half minute", n)
		}
		p.tokens.Keep("from before the partner's restart", time.Hour)
		if _, err := p.Check(t.Context(), ask(ours)); kindOf(err) != "not sent" {
			t.Errorf("with a token it doesn't know: %v", err)
		}
		time.Sleep(wire.TokenPause)
		if a, err := p.Check(t.Context(), ask(ours)); err != nil || a.Outcome != verdict.OutcomeNotFound {
			t.Errorf("after that: %q, %v", a.Outcome, err)
		}
	})
}

func TestCheckTellsWhenItIsTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, partner, _ := besideSim(t, sim.Config{})
		for range 10 {
			if _, err := p.Check(t.Context(), ask(ours)); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []time.Duration{time.Second, time.Minute} { // 429 says how long; 403 doesn't
			_, err := p.Check(t.Context(), ask(ours))
			if throttled, ok := errors.AsType[*verdict.ThrottledError](err); !ok || throttled.After != want {
				t.Errorf("too often: got %v, want to stay away for %s", err, want)
			}
		}
		if s := partner.Stats(); s.Bans != 1 || s.Checks != 12 {
			t.Errorf("stats %+v", s)
		}
	})
}
