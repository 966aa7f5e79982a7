package verdict

import (
	"testing"
	"time"
)

// sooner is a policy that asks at some times from sending, and at others if somebody is watching.
func sooner(alone, watched []time.Duration) Policy {
	p := executesTwice
	p.SubmitTimeout = 35 * time.Second
	f := forecast{plan: Pinned(alone).courses[0].plan, watched: Pinned(watched).courses[0].plan}
	p.Outlook = &Outlook{courses: [2]forecast{f, f}}
	return p
}

func TestAWatchedTransactionMayBeAskedAboutSooner(t *testing.T) {
	p := sooner([]time.Duration{40 * time.Second}, []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second})
	pending := Evidence{Source: SourceReply, Outcome: OutcomePending, Asked: start, At: after(time.Second)}
	first := accepted()
	first.ID = "b" // which is no scout
	sending := first.Send(p, start)
	waiting := sending.Weigh(pending, p)
	checked := waiting.Weigh(Evidence{Source: SourceCheck, Outcome: OutcomePending, Asked: after(11 * time.Second), At: after(12 * time.Second)}, p)
	underWay := checked.Ask(checked.Due)
	watchedBefore, review, settled := waiting, waiting, waiting
	watchedBefore.Watched, review.Stage, settled.Stage = true, StageReview, StageSettled
	for _, test := range []struct {
		name    string
		before  Transaction
		now     time.Duration
		changes bool
		due     time.Duration // about, from sending
	}{
		{"before it is sent", first, 0, false, 0},
		{"before the reply is late", sending, slowReply, false, 40 * time.Second},
		{"when the reply is late", sending, slowReply + 1, true, 40 * time.Second},
		{"waiting", waiting, 3 * time.Second, true, 10 * time.Second},
		{"waiting, and told before", watchedBefore, 3 * time.Second, false, 40 * time.Second},
		{"when a watcher's first check is over already", waiting, 15 * time.Second, true, 20 * time.Second},
		{"shortly before the check", waiting, 27 * time.Second, true, 30 * time.Second},
		{"checked", checked, 13 * time.Second, true, 20 * time.Second},
		{"when a watcher's next check is over already", checked, 22 * time.Second, true, 22 * time.Second},
		{"shortly before the next check", checked, 35 * time.Second, true, 40 * time.Second},
		{"while a check is under way", underWay, 45 * time.Second, true, 55 * time.Second},
		{"in review", review, 2 * time.Hour, false, 40 * time.Second},
		{"settled", settled, time.Minute, false, 40 * time.Second},
	} {
		tx, next := test.before, test.before.Watch(p, after(test.now))
		if (next.Version != tx.Version) != test.changes || test.changes != (next.Watched && !tx.Watched) {
			t.Errorf("%s: version %d after %d, watched %v", test.name, next.Version, tx.Version, next.Watched)
		}
		if got := next.Due.Sub(start); got < test.due || got > test.due+test.due/15 {
			t.Errorf("%s: due after %s, want %s", test.name, got, test.due)
		}
		if next.Due.After(tx.Due) {
			t.Errorf("%s: due %s later", test.name, next.Due.Sub(tx.Due))
		}
		next.Version, next.Watched, next.Due = tx.Version, tx.Watched, tx.Due
		if next.Stage != tx.Stage || next.Status != tx.Status || next.Checks != tx.Checks {
			t.Errorf("%s: %+v became %+v", test.name, tx, next)
		}
	}
}

func TestAPostponedStepIsOnlyDueLater(t *testing.T) {
	tx := accepted()
	next := tx.Postpone(after(time.Minute))
	if c, ok := next.Command(); !ok || c.Kind != Submit || next.Version != tx.Version+1 || !next.Due.Equal(after(time.Minute)) {
		t.Errorf("%+v became %+v", tx, next)
	}
	if sent := next.Send(executesTwice, after(time.Minute)); sent.Sends != 1 {
		t.Errorf("sent then, it has been sent %d times", sent.Sends)
	}
}

func TestAReplyWithoutAVerdictTellsWhichCourseFollows(t *testing.T) {
	for _, test := range []struct {
		name     string
		outcome  Outcome
		raw      string
		answered bool
	}{
		{"pending", OutcomePending, "", true},
		{"a 504 with its page", OutcomeUnknown, "Timeout", true},
		{"a broken connection", OutcomeUnknown, "", false},
	} {
		e := Evidence{Source: SourceReply, Outcome: test.outcome, Asked: start, At: after(30 * time.Second), Raw: []byte(test.raw)}
		tx := sent(deduplicates).Weigh(e, deduplicates)
		if tx.Answered != test.answered || tx.Stage != StageWaiting {
			t.Errorf("%s: answered %v, %s", test.name, tx.Answered, tx.Stage)
		}
		again := Evidence{Source: SourceCheck, Outcome: OutcomeNotFound, Asked: after(time.Hour), At: after(time.Hour)}
		if tx = tx.Weigh(again, deduplicates).Send(deduplicates, after(time.Hour)); tx.Answered || tx.Sends != 2 {
			t.Errorf("%s: sent again, answered %v, %d sends", test.name, tx.Answered, tx.Sends)
		}
	}
}
