package verdict_test

import (
	"context"
	"testing"
	"time"

	"verdict"
)

// planning is how a planner asks in these tests: about id1 and id2, which are no scouts, 25 s after sending if nobody
// listens, and after 2m3s next at 6m.
func planning() verdict.Asking { return verdict.Asking{Price: verdict.DefaultPrice} }

// promised is a partner that says when most verdicts stand.
func promised() *partner {
	p := asksOnly(600, time.Minute)
	p.traits.SettlesWithin = 2 * time.Minute
	return p
}

// told has the settler told that an app is listening for a transaction's verdict, and returns whether that was the last
// it needs to hear of it.
func (s *system) told(t *testing.T, id string) (done bool) {
	t.Helper()
	done, err := s.settler.Watch(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func TestWhatAnAppListensForIsAskedAboutSooner(t *testing.T) {
	p := promised()
	runAsking(t, p, planning(), func(t *testing.T, s *system) {
		ids := s.acceptMany(t, 2, 0)
		pass(3 * time.Second)
		if !s.told(t, ids[0]) {
			t.Error("it wants to be told again")
		}
		pass(10 * time.Minute)
		watched, alone := s.checkedAt(t, ids[0]), s.checkedAt(t, ids[1])
		if watched[0] >= alone[0]-5*time.Second || len(watched) <= len(alone) {
			t.Errorf("asked after %s, and after %s if nobody listens", watched, alone)
		}
	})
}

func TestWhoBeginsToListenWhenACheckWouldBeOverIsNotLeftWaiting(t *testing.T) {
	p := promised()
	runAsking(t, p, planning(), func(t *testing.T, s *system) {
		tx := s.accept(t, "k")
		pass(5 * time.Minute)
		before := len(s.checkedAt(t, tx.ID))
		if due := time.Until(s.get(t, tx.ID).Due); due < 30*time.Second {
			t.Fatalf("the next check is due in %s, which shows nothing", due)
		}
		s.told(t, tx.ID)
		pass(2 * time.Second)
		if after := s.checkedAt(t, tx.ID); len(after) != before+1 {
			t.Errorf("checks after %s, want another after 5m", after)
		}
	})
}

func TestAWatcherDoesNotCostACheckItsTurn(t *testing.T) {
	p := asksOnly(100, time.Minute)
	run(t, p, func(t *testing.T, s *system) {
		ids := s.acceptMany(t, 2, 0)
		untilChecked(t, p, 1)
		for _, id := range ids { // one check is made, the other waits for its turn
			s.told(t, id)
		}
		pass(time.Second)
		if made := p.made(time.Time{}); len(made) != 2 {
			t.Errorf("asked at %s, want both in their turns", made)
		}
		pass(4 * time.Minute)
		if made := p.made(time.Time{}); len(made) != 2 {
			t.Errorf("asked at %s, want none again before the schedule's next", made)
		}
	})
}

func TestTheSettlerSaysHowLongItWantsToBeTold(t *testing.T) {
	p := promised()
	p.traits.SubmitTimeout = 35 * time.Second
	p.submit = func(context.Context, verdict.Submission) (verdict.Answer, error) {
		time.Sleep(20 * time.Second)
		return verdict.Answer{Outcome: verdict.OutcomePending}, nil
	}
	runAsking(t, p, planning(), func(t *testing.T, s *system) {
		settled := s.accept(t, "settled").ID
		if err := s.webhook(t, settled, verdict.OutcomeSucceeded); err != nil {
			t.Fatal(err)
		}
		for name, id := range map[string]string{"an unknown": "nobody's", "a settled": settled} {
			if !s.told(t, id) {
				t.Errorf("of %s transaction, it wants to be told again", name)
			}
		}
		id := s.accept(t, "k").ID
		pass(5 * time.Second)
		if version := s.get(t, id).Version; s.told(t, id) || s.get(t, id).Version != version {
			t.Errorf("while the reply is not late, it doesn't want to be told again: %+v", s.get(t, id))
		}
		pass(10 * time.Second)
		if !s.told(t, id) || !s.get(t, id).Watched {
			t.Errorf("when the reply is late, it wants to be told again: %+v", s.get(t, id))
		}
		if version := s.get(t, id).Version; !s.told(t, id) || s.get(t, id).Version != version {
			t.Errorf("told twice, it became %+v", s.get(t, id))
		}
		pass(10 * time.Second)
		if tx := s.get(t, id); !tx.Watched || tx.Stage != verdict.StageWaiting {
			t.Errorf("the reply left it %+v", tx)
		}
	})
}
