package verdict_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"verdict"
)

// restored restores the record as it is now.
func (s *system) restored(t *testing.T) verdict.Restored {
	t.Helper()
	r := &verdict.Restoring{Store: s.store.(verdict.Restorable), Policy: s.settler.Planner.Policy}
	done, err := r.Run(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if last, err := s.store.LastEventID(t.Context()); err != nil || !verdict.WasRestored(last) {
		t.Errorf("the last event was %d and is %d, error %v", done.LastEvent, last, err)
	}
	return done
}

// loses has the stream take nothing, or again what it is given.
func (s *system) loses(all bool) {
	s.stream.mu.Lock()
	defer s.stream.mu.Unlock()
	s.stream.lose = all
}

// unsent accepts a transaction that stays so, as in a copy that was made before it was sent.
func (s *system) unsent(t *testing.T, key string) verdict.Transaction {
	t.Helper()
	s.loses(true)
	tx := s.accept(t, key)
	pass(time.Minute)
	if got := s.get(t, tx.ID); got.Stage != verdict.StageAccepted {
		t.Fatalf("it is %s", got.Stage)
	}
	return tx
}

func TestWhatARestoredCopyHasNotSentIsAskedAboutAndNotSent(t *testing.T) {
	for _, known := range []bool{true, false} {
		p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second, NotFoundFinal: 150 * time.Second}}
		p.check = func(string) (verdict.Answer, error) {
			if known {
				return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
			}
			return verdict.Answer{Outcome: verdict.OutcomeNotFound}, nil
		}
		run(t, p, func(t *testing.T, s *system) {
			tx := s.unsent(t, "k")
			done := s.restored(t)
			at := time.Now()
			s.loses(false)
			pass(time.Hour)
			got := s.get(t, tx.ID)
			want, when := verdict.Succeeded, time.Minute
			if !known {
				want, when = verdict.Failed, 6*time.Minute // not on the word of the first check, which comes before "not found" is final
			}
			if len(p.submits) != 0 || got.Status != want || got.SettledAt.Sub(at).Round(10*time.Second) != when {
				t.Errorf("sent %d times, %s %s after the restore, want %s after %s", len(p.submits), got.Status, got.SettledAt.Sub(at), want, when)
			}
			if done != (verdict.Restored{Asked: 1, LastEvent: tx.EventID}) || got.EventID <= tx.EventID+verdict.SkippedEventIDs {
				t.Errorf("%+v; the verdict's number is %d", done, got.EventID)
			}
			if h := s.history(t, tx.ID); !strings.Contains(h[0].Reason, "restored from a copy") || h[0].Source != verdict.SourceOperator {
				t.Errorf("the history doesn't tell of the restore: %+v", h[0])
			}
		})
	}
}

func TestARestoredCopyIsSentAgainOnlyToWhoActsOnce(t *testing.T) {
	p := &partner{traits: verdict.Traits{Deduplicates: true, SubmitTimeout: 35 * time.Second, NotFoundFinal: 150 * time.Second}}
	p.check = func(string) (verdict.Answer, error) { return verdict.Answer{Outcome: verdict.OutcomeNotFound}, nil }
	p.submit = func(_ context.Context, sub verdict.Submission) (verdict.Answer, error) {
		return verdict.Answer{Outcome: verdict.OutcomeSucceeded}, nil
	}
	run(t, p, func(t *testing.T, s *system) {
		tx := s.unsent(t, "k")
		s.restored(t)
		at := time.Now()
		s.loses(false)
		pass(time.Hour)
		if got := s.get(t, tx.ID); got.Status != verdict.Succeeded || len(p.submits) != 1 || len(p.checks) != 2 || p.submits[0].Sub(at) < 150*time.Second {
			t.Errorf("%s, sent %v, asked %v", got.Status, p.submits, p.checks)
		}
	})
}

// TestASendThatTheCopyKnowsMayNotHaveBeenTheLast: so "not found" is weighed from the restore on, and not from that send.
func TestASendThatTheCopyKnowsMayNotHaveBeenTheLast(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second, NotFoundFinal: 10 * time.Minute}}
	p.check = func(string) (verdict.Answer, error) { return verdict.Answer{Outcome: verdict.OutcomeNotFound}, nil }
	run(t, p, func(t *testing.T, s *system) {
		tx := s.accept(t, "k")
		pass(9 * time.Minute)
		if s.get(t, tx.ID).Stage != verdict.StageWaiting {
			t.Fatal("it isn't waiting")
		}
		s.restored(t)
		at := time.Now()
		pass(2 * time.Hour)
		got := s.get(t, tx.ID)
		if got.Status != verdict.Failed || got.SettledAt.Sub(at) < 10*time.Minute || len(p.submits) != 1 {
			t.Errorf("%s %s after the restore, sent %d times", got.Status, got.SettledAt.Sub(at), len(p.submits))
		}
	})
}

func TestARestoreLeavesVerdictsAndReviewsAsTheyAre(t *testing.T) {
	p := &partner{traits: verdict.Traits{SubmitTimeout: 35 * time.Second}}
	run(t, p, func(t *testing.T, s *system) {
		review, settled := s.accept(t, "k"), s.accept(t, "l")
		if err := s.settler.Settle(t.Context(), settled.ID, verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Hour)
		before := s.get(t, settled.ID)
		done := s.restored(t)
		after := s.get(t, review.ID)
		if done.Asked != 0 || done.Review != 1 || after.Stage != verdict.StageReview || !after.SentAt.Equal(time.Now()) || after.Sends != 1 {
			t.Errorf("%+v: %+v", done, after)
		}
		if got := s.get(t, settled.ID); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("the verdict was %v and is %v", before, got)
		}
		if again := s.restored(t); again.Review != 1 || s.get(t, review.ID).Version != after.Version+1 {
			t.Errorf("a second time: %+v", again)
		}
	})
}

func TestMoreAreRestoredThanAreReadTogether(t *testing.T) {
	run(t, &partner{}, func(t *testing.T, s *system) {
		s.loses(true)
		const n = 2500
		for i := range n {
			s.accept(t, fmt.Sprint("k", i))
		}
		if done := s.restored(t); done.Asked != n {
			t.Errorf("%+v", done)
		}
		for _, stage := range []verdict.Stage{verdict.StageAccepted, verdict.StageSending} {
			if left, err := s.store.InStage(t.Context(), stage, 0, 1); len(left) > 0 || err != nil {
				t.Errorf("%s: %d, error %v", stage, len(left), err)
			}
		}
	})
}
