package storetest

import (
	"testing"
	"time"

	"verdict"
)

var reviewing = []promise{
	{"a released key is free, and its transaction stays", releasedKeys},
	{"keys are released in the order of the verdicts, in batches", releaseInBatches},
	{"a key is held while its transaction is pending", pendingKeepsItsKey},
	{"transactions are found by their stage", stages},
	{"a walk goes from the greatest id down, within its bounds", walks},
	{"conflicts are listed in the order in which they were stored", conflicts},
	{"what came before the verdict is listed as a conflict where it was stored", listedWhereStored},
	{"the backlog is counted", backlog},
}

func releasedKeys(t *testing.T, s verdict.Store) {
	first := settle(t, s, accepted("owner", 1, time.Now()))
	release(t, s, first.SettledAt, 10, 0) // settled at that time, not before it
	release(t, s, first.SettledAt.Add(1), 10, 1)
	_, err := s.Find(t.Context(), first.Scope)
	is(t, "find by a released key", err, verdict.ErrNotFound)
	kept, err := s.Transaction(t.Context(), first.ID)
	equal(t, "transaction by id", kept, err, first)
	again := accepted("owner", 1, time.Now())
	again.ID, again.Reference = "again", "again"
	standsAs(t, s, create(t, s, again))
	release(t, s, time.Now().Add(time.Hour), 10, 0) // the new one is pending
}

func releaseInBatches(t *testing.T, s verdict.Store) {
	for n := range 5 {
		settle(t, s, accepted("owner", n, time.Now()))
	}
	later := time.Now().Add(time.Hour)
	for _, want := range []int{2, 2, 1, 0} {
		release(t, s, later, 2, want)
	}
	release(t, s, later, 0, 0)
}

func pendingKeepsItsKey(t *testing.T, s verdict.Store) {
	pending := create(t, s, accepted("owner", 1, time.Now()))
	release(t, s, time.Now().Add(time.Hour), 10, 0)
	standsAs(t, s, pending)
}

func release(t *testing.T, s verdict.Store, before time.Time, limit, want int) {
	t.Helper()
	if got, err := s.ReleaseKeys(t.Context(), before, limit); err != nil || got != want {
		t.Errorf("released %d, error %v, want %d", got, err, want)
	}
}

func stages(t *testing.T, s verdict.Store) {
	now := time.Now()
	waiting := create(t, s, accepted("owner", 1, now))
	settled := settle(t, s, accepted("owner", 2, now))
	var review []verdict.Transaction
	for n := range 3 {
		tx := create(t, s, accepted("owner", 10+n, now))
		tx.Version, tx.Stage, tx.Due = 2, verdict.StageReview, time.Time{}
		review = append(review, replace(t, s, tx, nil))
	}
	for _, test := range []struct {
		stage verdict.Stage
		after int64
		limit int
		want  []verdict.Transaction
	}{
		{verdict.StageAccepted, 0, 10, []verdict.Transaction{waiting}},
		{verdict.StageSettled, 0, 10, []verdict.Transaction{settled}},
		{verdict.StageReview, 0, 10, review},
		{verdict.StageReview, 0, 2, review[:2]},
		{verdict.StageReview, review[0].EventID, 10, review[1:]},
		{verdict.StageSending, 0, 10, nil},
	} {
		got, err := s.InStage(t.Context(), test.stage, test.after, test.limit)
		equal(t, "in stage "+string(test.stage), got, err, test.want)
	}
}

func conflicts(t *testing.T, s verdict.Store) {
	var settled []verdict.Transaction
	for n := range 2 {
		tx := settle(t, s, accepted("owner", n, time.Now()))
		settled = append(settled, tx)
		for _, e := range []verdict.Evidence{
			{Source: verdict.SourceCheck, Outcome: verdict.OutcomeSucceeded, At: plain(time.Now())},
			{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed, At: plain(time.Now()), Raw: []byte("no"), Conflict: true},
		} {
			if err := s.Record(t.Context(), tx.ID, e); err != nil {
				t.Fatal(err)
			}
		}
	}
	all, err := s.Conflicts(t.Context(), 0, 10)
	if err != nil || len(all) != 2 {
		t.Fatalf("conflicts %+v, error %v", all, err)
	}
	for i, c := range all {
		equal(t, "transaction of a conflict", c.Transaction, nil, settled[i])
		equal(t, "evidence of a conflict", c.Evidence, nil, history(t, s, settled[i].ID)[2])
	}
	rest, err := s.Conflicts(t.Context(), all[0].Number, 10)
	equal(t, "conflicts after the first", rest, err, all[1:])
	one, err := s.Conflicts(t.Context(), 0, 1)
	equal(t, "one conflict", one, err, all[:1])
}

func listedWhereStored(t *testing.T, s verdict.Store) {
	no := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed, At: plain(time.Now())}
	told, pending := create(t, s, accepted("owner", 1, time.Now())), create(t, s, accepted("owner", 2, time.Now()))
	record(t, s, told.ID, no)
	record(t, s, pending.ID, no)
	settled := settle(t, s, accepted("owner", 3, time.Now()))
	record(t, s, settled.ID, verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, Conflict: true})
	before, err := s.Conflicts(t.Context(), 0, 10)
	if err != nil || len(before) != 1 {
		t.Fatalf("conflicts before the verdict %+v, error %v", before, err)
	}

	e := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeSucceeded, At: time.Now()}
	told = replace(t, s, told.Weigh(e, policy()), &e)
	all, err := s.Conflicts(t.Context(), 0, 10)
	if err != nil || len(all) != 2 || all[0].Number >= all[1].Number {
		t.Fatalf("conflicts %+v, error %v", all, err)
	}
	equal(t, "transaction of the first conflict", all[0].Transaction, nil, told)
	equal(t, "evidence of the first conflict", all[0].Evidence, nil, history(t, s, told.ID)[0])
	equal(t, "conflicts that there were", all[1:], nil, before)
	rest, err := s.Conflicts(t.Context(), all[0].Number, 10)
	equal(t, "conflicts after the first", rest, err, before)
	got, err := s.Backlog(t.Context(), time.Now())
	equal(t, "conflicts counted", got.Conflicts, err, 2)
}

func backlog(t *testing.T, s verdict.Store) {
	empty, err := s.Backlog(t.Context(), time.Now())
	equal(t, "backlog of an empty store", empty, err, verdict.Backlog{})
	conflicts(t, s)
	now := plain(time.Now())
	create(t, s, accepted("other", 1, now))
	review := create(t, s, accepted("other", 2, now))
	review.Version, review.Stage, review.Due = 2, verdict.StageReview, time.Time{}
	replace(t, s, review, nil)
	due, later := create(t, s, accepted("other", 3, now)), create(t, s, accepted("other", 4, now))
	replace(t, s, due.Postpone(now.Add(-time.Minute)), nil)
	replace(t, s, later.Postpone(now.Add(time.Hour)), nil)
	if err := s.Park(t.Context(), verdict.Webhook{Provider: "p", Transaction: "x", Body: []byte("b"), At: now}); err != nil {
		t.Fatal(err)
	}
	want := verdict.Backlog{Commands: 3, Due: 2, DueSince: now.Add(-time.Minute), Review: 1, Conflicts: 2, Parked: 1}
	got, err := s.Backlog(t.Context(), now.Add(time.Minute))
	equal(t, "backlog", got, err, want)
	want.Due, want.DueSince = 0, time.Time{}
	got, err = s.Backlog(t.Context(), now.Add(-2*time.Minute))
	equal(t, "backlog before anything was due", got, err, want)
}
