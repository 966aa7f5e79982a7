package verdict

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// executesTwice is the policy of a partner that executes a repeated reference again; deduplicates of one that doesn't.
var (
	executesTwice = Policy{
		Traits:   Traits{WebhookSettles: true, NotFoundFinal: 150 * time.Second},
		Schedule: DefaultSchedule(),
	}
	deduplicates = Policy{
		Traits:   Traits{Deduplicates: true, NotFoundFinal: 150 * time.Second},
		Schedule: DefaultSchedule(),
	}
)

func accepted() Transaction {
	r := Request{Scope: Scope{"t", "o", "transfer", "k"}, Provider: "p", Payload: []byte("{}")}
	return Accept("id", r, [32]byte{1}, start)
}

// sent returns a transaction whose marker was written at start.
func sent(p Policy) Transaction { return accepted().Send(p, start) }

func after(d time.Duration) time.Time { return start.Add(d) }

func TestANewTransactionIsDueToBeSentAtOnce(t *testing.T) {
	tx := accepted()
	c, ok := tx.Command()
	if !ok || c != (Command{Kind: Submit, Transaction: "id", Version: 1, Provider: "p"}) || !tx.Due.Equal(start) {
		t.Errorf("command %+v, %v, due %s", c, ok, tx.Due)
	}
}

func TestTheMarkerAlreadySchedulesTheFirstCheck(t *testing.T) {
	tx := sent(executesTwice)
	c, ok := tx.Command()
	if !ok || c.Kind != Check || !tx.Due.Equal(after(time.Minute)) {
		t.Errorf("command %+v, due %s", c, tx.Due)
	}
}

func TestChecksFollowTheScheduleThenReview(t *testing.T) {
	tx := sent(executesTwice)
	now := start
	for i, pause := range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute} {
		if !tx.Due.Equal(now.Add(pause)) {
			t.Fatalf("check %d is due at %s, want %s", i+1, tx.Due, now.Add(pause))
		}
		now = tx.Due
		tx = tx.Weigh(Evidence{Source: SourceCheck, Outcome: OutcomePending, Asked: now, At: now}, executesTwice)
	}
	if _, more := tx.Command(); more || tx.Stage != StageReview || tx.Status != Pending {
		t.Errorf("after five checks: %s %s", tx.Status, tx.Stage)
	}
	tx = tx.Weigh(Evidence{Source: SourceWebhook, Outcome: OutcomeSucceeded, At: now}, executesTwice)
	if tx.Status != Succeeded {
		t.Errorf("a webhook after review left it %s", tx.Status)
	}
}

func TestEvidenceIsWeighed(t *testing.T) {
	reply := func(o Outcome, at time.Duration) Evidence {
		return Evidence{Source: SourceReply, Outcome: o, Asked: start, At: after(at)}
	}
	webhook := func(o Outcome) Evidence {
		return Evidence{Source: SourceWebhook, Outcome: o, At: after(20 * time.Second)}
	}
	check := func(o Outcome, at time.Duration) Evidence {
		return Evidence{Source: SourceCheck, Outcome: o, Asked: after(at), At: after(at)}
	}
	banned := check(OutcomeUnknown, time.Minute)
	banned.Wait = 3 * time.Minute
	tests := []struct {
		name   string
		policy Policy
		e      Evidence
		status Status
		stage  Stage
		due    time.Duration // after start; 0 for none
		checks int
	}{
		{"a reply settles", executesTwice, reply(OutcomeSucceeded, 5*time.Second), Succeeded, StageSettled, 0, 0},
		{"a decline is an answer", executesTwice, reply(OutcomeFailed, 5*time.Second), Failed, StageSettled, 0, 0},
		{"a 504 is not a failure", executesTwice, reply(OutcomeUnknown, 30*time.Second), Pending, StageWaiting, time.Minute, 0},
		{"a webhook settles where it may", executesTwice, webhook(OutcomeFailed), Failed, StageSettled, 0, 0},
		{"elsewhere it pulls a check forward", deduplicates, webhook(OutcomeSucceeded), Pending, StageWaiting, 20 * time.Second, 0},
		{"a webhook that says pending changes no date", executesTwice, webhook(OutcomePending), Pending, StageSending, time.Minute, 0},
		{"a check settles", deduplicates, check(OutcomeSucceeded, time.Minute), Succeeded, StageSettled, 0, 0},
		{"not found before the settle time is unknown", executesTwice, check(OutcomeNotFound, 149*time.Second), Pending, StageWaiting, 6 * time.Minute, 1},
		{"not found after it is a failure", executesTwice, check(OutcomeNotFound, 150*time.Second), Failed, StageSettled, 0, 0},
		{"or the same reference is sent again", deduplicates, check(OutcomeNotFound, 150*time.Second), Pending, StageAccepted, 150 * time.Second, 0},
		{"a ban is no check", executesTwice, banned, Pending, StageSending, 4 * time.Minute, 0},
		{"what provably wasn't sent is sent later", executesTwice, reply(OutcomeNotSent, 2*time.Second), Pending, StageAccepted, 4 * time.Second, 0},
		{"but not for ever", executesTwice, reply(OutcomeNotSent, 5*time.Minute), Failed, StageSettled, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tx := sent(test.policy).Weigh(test.e, test.policy)
			if tx.Status != test.status || tx.Stage != test.stage || tx.Checks != test.checks {
				t.Errorf("%s, %s, %d checks", tx.Status, tx.Stage, tx.Checks)
			}
			if want := after(test.due); test.due > 0 && !tx.Due.Equal(want) || test.due == 0 && !tx.Due.IsZero() {
				t.Errorf("due %s, want %s", tx.Due, want)
			}
			if tx.Version != 3 {
				t.Errorf("version %d, want 3", tx.Version)
			}
		})
	}
}

func TestEvidenceOfAnEarlierSendUndoesNothing(t *testing.T) {
	first := sent(deduplicates)
	again := first.Weigh(Evidence{
		Source: SourceCheck, Outcome: OutcomeNotFound, Asked: after(3 * time.Minute), At: after(3 * time.Minute),
	}, deduplicates).Send(deduplicates, after(3*time.Minute))
	tx := again.Weigh(Evidence{Source: SourceReply, Outcome: OutcomeNotSent, Asked: start, At: after(4 * time.Minute)}, deduplicates)
	if tx.Stage != StageSending || tx.Sends != 2 {
		t.Errorf("%s after %d sends", tx.Stage, tx.Sends)
	}
}

func TestAPartnerThatNeverFindsItIsNotAskedForEver(t *testing.T) {
	tx := accepted()
	now := start
	for range 100 {
		c, ok := tx.Command()
		if !ok {
			break
		}
		now = now.Add(200 * time.Second)
		if c.Kind == Submit {
			tx = tx.Send(deduplicates, now)
			continue
		}
		tx = tx.Weigh(Evidence{Source: SourceCheck, Outcome: OutcomeNotFound, Asked: now, At: now}, deduplicates)
	}
	if tx.Stage != StageReview || tx.Sends != DefaultSchedule().MaxSends {
		t.Errorf("%s after %d sends", tx.Stage, tx.Sends)
	}
}

func TestAPartnerThatAlwaysRefusesToBeAskedIsLeftForReview(t *testing.T) {
	tx := sent(executesTwice)
	for n := range 1000 {
		if _, more := tx.Command(); !more {
			if asked := tx.Checks; tx.Stage != StageReview || asked > 5 {
				t.Errorf("%s after %d checks", tx.Stage, asked)
			}
			return
		}
		now := tx.Due
		wait := time.Duration(n+1) * time.Minute
		tx = tx.Ask(now).Weigh(Evidence{
			Source: SourceCheck, Outcome: OutcomeUnknown, Asked: now, At: now, Wait: wait,
		}, executesTwice)
		if !tx.Due.IsZero() && tx.Due.Before(now.Add(wait)) {
			t.Errorf("told to stay away until %s, it is due at %s", now.Add(wait), tx.Due)
		}
	}
	t.Error("still asking after 1000 refusals")
}

func TestALateReplyThatDecidesNothingLeavesTheCheckUnderWayAlone(t *testing.T) {
	asked := sent(executesTwice)
	asked = asked.Ask(asked.Due)
	reply := Evidence{Source: SourceReply, Outcome: OutcomeUnknown, Asked: asked.SentAt, At: asked.SentAt.Add(time.Second)}
	if tx := asked.Weigh(reply, executesTwice); !tx.Due.Equal(asked.Due) {
		t.Errorf("due at %s, and while a check is under way at %s", asked.Due, tx.Due)
	}
}

// TestNoSequenceOfEvidenceBreaksTheRules feeds transactions any evidence in any order.
func TestNoSequenceOfEvidenceBreaksTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]Policy{executesTwice, deduplicates}).Draw(t, "policy")
		tx, now := accepted(), start
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "pause")))
			before := tx
			if c, ok := tx.Command(); ok && c.Kind == Submit && rapid.Bool().Draw(t, "send") {
				tx = tx.Send(policy, now)
			} else {
				tx = tx.Weigh(drawEvidence(t, tx, now), policy)
			}
			checkStep(t, before, tx, policy, now)
		}
	})
}

func TestAVerdictTellsWhatItCameFrom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := rapid.SampledFrom([]Policy{executesTwice, deduplicates}).Draw(t, "policy")
		tx, history := sent(policy), []Evidence(nil)
		var want Source
		for n := range rapid.IntRange(1, 12).Draw(t, "pieces") {
			if c, ok := tx.Command(); ok && c.Kind == Submit {
				tx = tx.Send(policy, after(time.Duration(n)*time.Minute))
			}
			e := drawEvidence(t, tx, after(time.Duration(n+1)*time.Minute))
			history = append(history, e)
			if tx = tx.Weigh(e, policy); tx.Settled() && want == "" {
				want = e.Source
			}
		}
		if got := tx.SettledBy(history); got != want {
			t.Fatalf("%+v came from %q, want %q", tx, got, want)
		}
	})
}

func drawEvidence(t *rapid.T, tx Transaction, now time.Time) Evidence {
	e := Evidence{
		Source:  rapid.SampledFrom([]Source{SourceReply, SourceWebhook, SourceCheck}).Draw(t, "source"),
		Outcome: rapid.SampledFrom([]Outcome{OutcomeSucceeded, OutcomeFailed, OutcomePending, OutcomeNotFound, OutcomeUnknown}).Draw(t, "outcome"),
		Asked:   now, At: now,
	}
	if e.Source == SourceReply {
		e.Asked = tx.SentAt
		if rapid.Bool().Draw(t, "not sent") {
			e.Outcome = OutcomeNotSent
		}
	}
	return e
}

func checkStep(t *rapid.T, before, now Transaction, p Policy, at time.Time) {
	if before.Settled() {
		if now.Version != before.Version || now.Status != before.Status {
			t.Fatalf("a settled transaction changed: %+v to %+v", before, now)
		}
		return
	}
	if now.Version != before.Version+1 {
		t.Fatalf("version %d after %d", now.Version, before.Version)
	}
	if now.Settled() != (now.Status != Pending) || now.Settled() == now.SettledAt.IsZero() {
		t.Fatalf("%s but %s, settled at %s", now.Status, now.Stage, now.SettledAt)
	}
	if _, more := now.Command(); more == now.Due.IsZero() {
		t.Fatalf("%s with a step to take: %v, due %s", now.Stage, more, now.Due)
	}
	if now.Sends > 1 && !p.Deduplicates {
		t.Fatalf("bytes left %d times for a partner that executes each", now.Sends)
	}
	stages := []Stage{StageAccepted, StageSending, StageWaiting, StageReview, StageSettled}
	if !slices.Contains(stages, now.Stage) || now.Sends > p.Schedule.MaxSends {
		t.Fatalf("%s, %d sends", now.Stage, now.Sends)
	}
	end := now.SentAt.Add(p.Schedule.length())
	if now.Stage == StageWaiting && now.Due.After(end) && now.Due.After(at) {
		t.Fatalf("a check is due at %s, after the schedule's end %s", now.Due, end)
	}
}
