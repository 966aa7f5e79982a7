package verdict_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"verdict"
)

// asksOnly is a partner that takes submits without a verdict, and may be asked so often.
func asksOnly(limit int, window time.Duration) *partner {
	return &partner{traits: verdict.Traits{
		SubmitTimeout: time.Second, WebhookSettles: true, Budget: verdict.Budget{Limit: limit, Window: window, Burst: 1},
	}}
}

// acceptMany accepts so many requests, some time apart, and returns their ids.
func (s *system) acceptMany(t *testing.T, n int, apart time.Duration) (ids []string) {
	t.Helper()
	for i := range n {
		ids = append(ids, s.accept(t, fmt.Sprint("k", i)).ID)
		time.Sleep(apart)
	}
	return ids
}

// made are the checks that the partner has seen since a time.
func (p *partner) made(since time.Time) []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.checks, func(c time.Time) bool { return !c.Before(since) })
	if at < 0 {
		return nil
	}
	return slices.Clone(p.checks[at:])
}

// sent are the submits that the partner has seen.
func (p *partner) sent() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.submits)
}

// untilChecked lets time pass until the partner has seen so many checks.
func untilChecked(t *testing.T, p *partner, n int) {
	t.Helper()
	for range 10_000 {
		if len(p.made(time.Time{})) >= n {
			return
		}
		pass(50 * time.Millisecond)
	}
	t.Fatalf("%d checks, want %d", len(p.made(time.Time{})), n)
}

func TestABanOnOneCheckHoldsTheOthersUntilAProbeIsAnswered(t *testing.T) {
	const ban, bannedAt, answerTime = 2 * time.Minute, 300, 5 * time.Second
	p := asksOnly(600, time.Minute)
	p.check = func(string) (verdict.Answer, error) {
		if len(p.made(time.Time{})) == bannedAt {
			return verdict.Answer{}, &verdict.ThrottledError{After: ban}
		}
		time.Sleep(answerTime)
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		ids := s.acceptMany(t, 400, 0)
		untilChecked(t, p, bannedAt)
		begin := p.made(time.Time{})[bannedAt-1]
		pass(ban + answerTime)
		since := p.made(begin.Add(1))
		if len(since) != 1 || since[0].Before(begin.Add(ban)) {
			t.Errorf("banned at %s for %s, asked at %s; want one probe after that", begin, ban, since)
		}
		pass(10 * time.Minute)
		for _, id := range ids {
			if tx := s.get(t, id); tx.Status != verdict.Succeeded {
				t.Errorf("at last %s is %s", id, tx.Status)
			}
		}
		if n := len(p.made(time.Time{})); n != len(ids)+1 {
			t.Errorf("%d checks of %d transactions, of which one was refused once", n, len(ids))
		}
	})
}

func TestAProbeThatIsRefusedProlongsTheBan(t *testing.T) {
	p := asksOnly(600, time.Minute)
	p.check = func(string) (verdict.Answer, error) {
		if len(p.made(time.Time{})) <= 3 {
			return verdict.Answer{}, &verdict.ThrottledError{After: time.Minute}
		}
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		s.acceptMany(t, 3, 0)
		pass(20 * time.Minute)
		made := p.made(time.Time{})
		for i, pause := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
			if got := made[i+1].Sub(made[i]); got < pause || got > pause+3*time.Second {
				t.Errorf("check %d comes %s after the refusal before it, want %s", i+2, got, pause)
			}
		}
	})
}

func TestAThousandDueAtOnceAreAskedWithinTheBudgetLongestDueFirst(t *testing.T) {
	const n = 1000
	for _, p := range []*partner{asksOnly(600, time.Minute), asksOnly(600, 2*time.Second)} {
		p.check = func(string) (verdict.Answer, error) { return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil }
		interval := p.traits.Budget.Interval()
		run(t, p, func(t *testing.T, s *system) {
			ids := s.acceptMany(t, n, time.Millisecond)
			pass(3 * time.Minute)
			made := p.made(time.Time{})
			if len(made) != n || made[n-1].Sub(made[0]) > n*interval+2*time.Second {
				t.Fatalf("%d checks in %s, want %d in %s", len(made), made[len(made)-1].Sub(made[0]), n, n*interval)
			}
			for i := 1; i < n; i++ {
				if made[i].Sub(made[i-1]) < interval {
					t.Fatalf("a check at %s and at %s, want %s between", made[i-1], made[i], interval)
				}
			}
			together := int(time.Second/interval) + 1 // are handed out, and leave in any order
			for i, q := range p.asked {
				if due := slices.Index(ids, q.Reference); due < i-together || due > i+together {
					t.Errorf("%s, due as number %d, was asked about as number %d", q.Reference, due, i)
				}
				if left := q.Deadline.Sub(made[i]); left <= 0 || left > time.Second {
					t.Errorf("a check had %s to leave", left)
				}
			}
		})
	}
}

func TestARefusedSubmitHoldsTheOthers(t *testing.T) {
	p := asksOnly(600, time.Minute)
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		if len(p.sent()) == 1 {
			return verdict.Answer{}, &verdict.ThrottledError{After: 3 * time.Minute}
		}
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		begin := time.Now()
		s.acceptMany(t, 1, 0)
		pass(2 * time.Second) // until the planner has looked
		held := s.accept(t, "held").ID
		for i := range 19 {
			s.accept(t, fmt.Sprint("held", i))
		}
		pass(3*time.Minute - 3*time.Second)
		if sent := p.sent(); len(sent) != 1 {
			t.Errorf("refused at %s for three minutes, sent at %s", begin, sent)
		}
		if tx := s.get(t, held); tx.Due.Before(begin.Add(3*time.Minute)) || tx.Stage != verdict.StageAccepted {
			t.Errorf("%s is %s and due at %s, in the pause", held, tx.Stage, tx.Due)
		}
		pass(5 * time.Second)
		if sent := p.sent(); len(sent) != 22 || sent[1].Before(begin.Add(3*time.Minute)) {
			t.Errorf("refused at %s for three minutes, sent at %s; want all 21 after that", begin, sent)
		}
		if b, err := s.store.Backlog(t.Context(), time.Now()); err != nil || b.Commands != 0 {
			t.Errorf("%+v left, %v", b, err)
		}
	})
}

func TestARefusedCheckHoldsNoSubmit(t *testing.T) {
	p := asksOnly(600, time.Minute)
	p.check = func(string) (verdict.Answer, error) {
		return verdict.Answer{}, &verdict.ThrottledError{After: time.Hour}
	}
	run(t, p, func(t *testing.T, s *system) {
		s.accept(t, "k")
		pass(2 * time.Minute)
		s.accept(t, "another")
		pass(time.Second)
		if len(p.made(time.Time{})) != 1 || len(p.sent()) != 2 {
			t.Errorf("%d submits after %d checks", len(p.sent()), len(p.made(time.Time{})))
		}
	})
}

func TestAVerdictThatComesWhileACheckWaitsForItsTurnSavesTheCheck(t *testing.T) {
	p := asksOnly(100, time.Minute) // a check every 0.61 s
	run(t, p, func(t *testing.T, s *system) {
		ids := s.acceptMany(t, 2, 0)
		untilChecked(t, p, 1)
		waits := ids[0]
		if p.asked[0].Reference == waits {
			waits = ids[1]
		}
		pass(300 * time.Millisecond)
		if err := s.webhook(t, waits, verdict.OutcomeSucceeded); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if made := p.made(time.Time{}); len(made) != 1 {
			t.Errorf("asked %+v", p.asked)
		}
	})
}

func TestARefusalHoldsChecksThatWaitForTheirTurns(t *testing.T) {
	p := asksOnly(100, time.Minute)
	p.check = func(string) (verdict.Answer, error) {
		time.Sleep(300 * time.Millisecond)
		return verdict.Answer{}, &verdict.ThrottledError{After: time.Minute}
	}
	run(t, p, func(t *testing.T, s *system) {
		s.acceptMany(t, 2, 0)
		untilChecked(t, p, 1)
		pass(time.Minute)
		if made := p.made(time.Time{}); len(made) != 1 {
			t.Errorf("asked at %s", made)
		}
	})
}

// paused is a store whose caller is paused for a while when it has taken its first turn.
type paused struct {
	verdict.Store
	pause time.Duration
}

func (s *paused) Ask(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
	t, turn, err := s.Store.Ask(ctx, next, b, now)
	if err == nil {
		time.Sleep(s.pause)
		s.pause = 0
	}
	return t, turn, err
}

func TestACheckWhoseTurnHasPassedIsMadeInAnother(t *testing.T) {
	p := asksOnly(60, time.Minute)
	run(t, p, func(t *testing.T, s *system) {
		s.settler.Store = &paused{s.store, 5 * time.Second}
		begin := time.Now()
		tx := s.accept(t, "k")
		pass(5 * time.Minute)
		made, latest := p.made(time.Time{}), time.Minute+verdict.Lease+3*time.Second
		if len(made) != 1 || made[0].Sub(begin) < time.Minute+verdict.Lease || made[0].Sub(begin) > latest {
			t.Errorf("begun at %s, asked at %s, want once, when the claim is over", begin, made)
		}
		if h := s.history(t, tx.ID); len(h) != 2 || h[1].Outcome != verdict.OutcomePending {
			t.Errorf("history %+v", h)
		}
	})
}
