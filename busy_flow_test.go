package verdict_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// While the partner holds all that may be under way, what is due stays in the outbox, but for a few that the stream may have lost.
func TestABusyInstanceIsHandedNoMoreSubmits(t *testing.T) {
	var answers chan verdict.Answer
	p := &partner{traits: verdict.Traits{SubmitTimeout: time.Hour, Submits: 8}}
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) { return <-answers, nil }
	run(t, p, func(t *testing.T, s *system) {
		answers = make(chan verdict.Answer) // one of the bubble
		written := 0
		write := func(n int) { // as an instance leaves them behind that has died
			t.Helper()
			for range n {
				r := request(fmt.Sprint("k", written))
				if _, _, err := s.store.Create(t.Context(), verdict.Accept(r.Key, r, [32]byte{}, time.Now().Add(-time.Minute))); err != nil {
					t.Fatal(err)
				}
				written++
			}
		}
		sent := func(want int, when string) {
			t.Helper()
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			if len(p.submits) != want {
				t.Errorf("%s: %d were sent, want %d", when, len(p.submits), want)
			}
		}
		pass(time.Second)
		write(7)
		pass(verdict.Lease + 2*time.Second) // who wrote them has claimed them for a lease
		sent(7, "with one slot left")
		write(300)
		pass(verdict.Lease + 2*time.Second)
		sent(307, "with one slot left, all are handed out")
		write(300)
		pass(verdict.Lease - 2*time.Second)
		sent(307, "with none left, while they are claimed")
		pass(10 * time.Second)
		if n := len(p.submits); n < 307+5 || n > 307+10 {
			t.Errorf("with none left: %d were sent in ten sweeps, want about one in each", n-307)
		}
		close(answers)
		pass(2 * time.Second)
		sent(607, "with all left")
	})
}
