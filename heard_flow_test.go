package verdict_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"verdict"
)

func TestWhoeverListensHearsOfEvidenceBeforeAndAfterTheVerdict(t *testing.T) {
	p := &partner{}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	p.traits.SubmitTimeout = 35 * time.Second
	run(t, p, func(t *testing.T, s *system) {
		var mu sync.Mutex
		var heard []string
		s.settler.Heard = func(before, next verdict.Transaction, e verdict.Evidence) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, string(before.Status)+" "+string(next.Status)+" by "+string(e.Source))
		}
		tx := s.accept(t, "k")
		pass(time.Second)
		if err := s.webhook(t, tx.ID, verdict.OutcomeFailed); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if want := []string{"pending succeeded by reply", "succeeded succeeded by webhook"}; !slices.Equal(heard, want) {
			t.Errorf("heard %q, want %q", heard, want)
		}
	})
}
