package djamo

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
	"verdict/provider/providertest"
	"verdict/provider/sim"
)

// mailbox takes the partner's webhooks, and has the adapter read them.
type mailbox struct {
	provider verdict.Provider
	mu       sync.Mutex
	answers  map[string]verdict.Outcome
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
	m.answers[a.Reference] = a.Outcome
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

// besideSim returns the adapter of a misbehaving partner, in the bubble of the caller.
func besideSim(t *testing.T, c sim.Config) (verdict.Provider, *sim.Partner, *mailbox) {
	pipe := providertest.NewPipe()
	p := open(t, "http://partner.example", pipe.Dial)
	box := &mailbox{provider: p, answers: map[string]verdict.Outcome{}}
	c.Transport = box
	partner, err := sim.New(c)
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

func submit(p verdict.Provider, reference, payload string) (verdict.Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.Traits().SubmitTimeout)
	defer cancel()
	s := submission(reference)
	s.Payload = []byte(payload)
	return p.Submit(ctx, s)
}

// What the adapter says of each transaction, at first and when all is over, is what the partner's ledger says.
func TestAnswersAgreeWithThePartnersLedger(t *testing.T) {
	const submits = 300
	synctest.Test(t, func(t *testing.T) {
		p, partner, box := besideSim(t, sim.Config{Seed: 11, BanAfter: -1})
		var first [submits]verdict.Outcome
		var calls sync.WaitGroup
		for i := range submits {
			calls.Go(func() {
				a, err := submit(p, fmt.Sprint(i), `{}`)
				if first[i] = a.Outcome; err != nil && (!errors.Is(err, verdict.ErrUncertain) || string(a.Raw) != "Timeout") {
					t.Errorf("%d: %v, kept %q", i, err, a.Raw)
				}
			})
		}
		calls.Wait()
		time.Sleep(p.Traits().NotFoundFinal)
		ledger := map[string]verdict.Outcome{}
		for _, e := range partner.Ledger() {
			if ledger[e.ID] != "" {
				t.Errorf("%s: carried out twice", e.ID)
			}
			ledger[e.ID] = map[string]verdict.Outcome{
				"completed": verdict.OutcomeSucceeded, "declined": verdict.OutcomeFailed,
			}[e.Status]
		}
		seen := map[verdict.Outcome]int{}
		for i := range submits {
			id := fmt.Sprint(i)
			last, err := p.Check(t.Context(), ask(id))
			want := ledger[id]
			if want == "" {
				want = verdict.OutcomeNotFound
			}
			if err != nil || last.Outcome != want || first[i] != "" && first[i] != want || box.answers[id] != "" && box.answers[id] != want {
				t.Errorf("%s: the reply says %q, the webhook %q, the check %q, %v; the ledger %q",
					id, first[i], box.answers[id], last.Outcome, err, want)
			}
			seen[first[i]]++
			seen[last.Outcome]++
		}
		if len(seen) != 4 || len(box.answers) == 0 {
			t.Errorf("replies unknown, and each outcome, should have been seen: %v; %d webhooks", seen, len(box.answers))
		}
	})
}

func TestLostRepliesAreUncertainWhateverHappenedThere(t *testing.T) {
	for reply, effects := range map[string]int{"lost": 1, "refused": 0} {
		synctest.Test(t, func(t *testing.T) {
			p, partner, _ := besideSim(t, sim.Config{})
			a, err := submit(p, "a", `{"amount":"100","simulate":{"reply":"`+reply+`"}}`)
			if !errors.Is(err, verdict.ErrUncertain) || a.Outcome != "" {
				t.Errorf("%s: got %q, %v", reply, a.Outcome, err)
			}
			if n := len(partner.Ledger()); n != effects || partner.Stats().Posts != 1 {
				t.Errorf("%s: %d effects, want %d; stats %+v", reply, n, effects, partner.Stats())
			}
		})
	}
}

func TestCheckTellsPendingAndBans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, partner, _ := besideSim(t, sim.Config{BanAfter: 2})
		var submits sync.WaitGroup
		submits.Go(func() {
			if a, err := submit(p, "a", `{"simulate":{"status":"declined","reply":"ok","reply_after":"5s"}}`); err != nil || a.Outcome != verdict.OutcomeFailed {
				t.Errorf("got %q, %v", a.Outcome, err)
			}
		})
		synctest.Wait()
		if a, err := p.Check(t.Context(), ask("a")); err != nil || a.Outcome != verdict.OutcomePending {
			t.Errorf("at first: %q, %v", a.Outcome, err)
		}
		submits.Wait()
		if a, err := p.Check(t.Context(), ask("a")); err != nil || a.Outcome != verdict.OutcomeFailed || a.Reason != "declined by the partner" {
			t.Errorf("then: %+v, %v", a, err)
		}
		for _, want := range []time.Duration{55 * time.Second, time.Minute} { // 429 until the window is over; 403 doesn't say
			_, err := p.Check(t.Context(), ask("a"))
			throttled, ok := errors.AsType[*verdict.ThrottledError](err)
			if !ok || throttled.After != want {
				t.Errorf("too often: got %v, want to stay away for %s", err, want)
			}
		}
		if s := partner.Stats(); s.Bans != 1 || s.Checks != 4 {
			t.Errorf("stats %+v", s)
		}
	})
}
