package verdict_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// What comes while the partner holds all that may be under way stays in the outbox, but for a few that the stream may have lost.
func TestABusyInstanceIsHandedNoMoreSubmits(t *testing.T) {
	answers := make(chan verdict.Answer)
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
		pass(verdict.Lease + time.Second) // who wrote them has claimed them for so long
		write(6)
		pass(verdict.Lease + time.Second)
		sent(6, "with two slots left")
		write(300)
		pass(verdict.Lease + time.Second)
		sent(306, "with two slots left, all are handed out")
		write(300)
		pass(verdict.Lease - 2*time.Second)
		sent(306, "with none left")
		pass(verdict.Lease + 2*time.Second)
		sent(306+256, "a lease later")
		close(answers)
		pass(2 * time.Second)
		sent(606, "with all left")
	})
}
