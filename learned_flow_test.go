package verdict_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	"verdict"
)

// partnerOf is what the store knows of the partner.
func partnerOf(t *testing.T, s verdict.Store) verdict.Partner {
	t.Helper()
	p, err := s.Partner(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// sightings are what a law has seen, between which cells how often. That old ones count a little less is rounded off.
func sightings(t *testing.T, l verdict.Law) map[string]float64 {
	t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	var rows [][3]float64
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	for _, r := range rows {
		seen[fmt.Sprint(r[0], " to ", r[1])] = math.Round(10*r[2]) / 10
	}
	return seen
}

// sameSightings checks that the store has learned a law of just these sightings.
func sameSightings(t *testing.T, what string, got, want verdict.Law) {
	t.Helper()
	if g, w := sightings(t, got), sightings(t, want); !maps.Equal(g, w) {
		t.Errorf("%s: seen between cells %v, want %v", what, g, w)
	}
}

// checkedAt is when checks of a transaction were made, from sending.
func (s *system) checkedAt(t *testing.T, id string) (at []time.Duration) {
	t.Helper()
	for _, e := range s.history(t, id) {
		if e.Source == verdict.SourceCheck {
			at = append(at, e.Asked.Sub(s.get(t, id).SentAt))
		}
	}
	return at
}

// slow is a partner that answers at once without a verdict. What it says to checks is told by reference and number.
func slow(answers map[string][]verdict.Outcome) *partner {
	p := asksOnly(600, time.Minute)
	p.traits.NotFoundFinal = 150 * time.Second
	p.check = func(reference string) (verdict.Answer, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		next := answers[reference]
		if len(next) == 0 {
			return verdict.Answer{Outcome: verdict.OutcomePending}, nil
		}
		answers[reference] = next[1:]
		return verdict.Answer{Outcome: next[0]}, nil
	}
	return p
}

func TestWhatHappensToTransactionsIsLearned(t *testing.T) {
	p := slow(map[string][]verdict.Outcome{
		"id1": {verdict.OutcomePending, verdict.OutcomeSucceeded}, // a check settles
		"id3": {verdict.OutcomePending, verdict.OutcomeNotFound},  // it was never carried out
	})
	run(t, p, func(t *testing.T, s *system) {
		ids := s.acceptMany(t, 4, 0)
		pass(90 * time.Second)
		if err := s.webhook(t, ids[1], verdict.OutcomeSucceeded); err != nil { // a webhook settles
			t.Fatal(err)
		}
		pass(2 * time.Hour) // for the last one comes review
		var settle, webhook verdict.Law
		checked := s.checkedAt(t, ids[0])
		settle.Saw(checked[0], checked[1])
		settle.Saw(s.checkedAt(t, ids[1])[0], 90*time.Second)
		settle.SawAt(p.traits.NotFoundFinal)
		settle.Saw(s.checkedAt(t, ids[3])[4], verdict.Forever)
		webhook.Saw(0, 90*time.Second-s.checkedAt(t, ids[1])[0])
		for range 2 { // checks found the verdicts of two, and no webhook came
			webhook.Saw(10*time.Minute, verdict.Forever)
		}
		learned := partnerOf(t, s.store).Learned
		sameSightings(t, "verdicts", learned.Answered.Settle, settle)
		sameSightings(t, "webhooks", learned.Answered.Webhook, webhook)
		sameSightings(t, "of the other course", learned.Unanswered.Settle, verdict.Law{})
	})
}

func TestAWebhookAfterTheVerdictIsLearnedAndOneThatDoesNotComeIsLost(t *testing.T) {
	p := slow(map[string][]verdict.Outcome{"id1": {verdict.OutcomeSucceeded}, "id2": {verdict.OutcomeSucceeded}})
	run(t, p, func(t *testing.T, s *system) {
		ids := s.acceptMany(t, 2, 0)
		pass(90 * time.Second)
		if err := s.webhook(t, ids[0], verdict.OutcomeSucceeded); err != nil {
			t.Fatal(err)
		}
		verdictAt := s.checkedAt(t, ids[0])[0]
		pass(10*time.Minute + verdictAt - 95*time.Second)
		sameSightings(t, "within ten minutes", partnerOf(t, s.store).Learned.Answered.Webhook, verdict.Law{})
		pass(10 * time.Second)
		var want verdict.Law
		want.Saw(90*time.Second-verdictAt, 90*time.Second)
		want.Saw(10*time.Minute, verdict.Forever)
		sameSightings(t, "after that", partnerOf(t, s.store).Learned.Answered.Webhook, want)
	})
}
