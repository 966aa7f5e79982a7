package storetest

import (
	"testing"
	"time"

	"verdict"
)

var forgetting = []promise{
	{"what is archived is forgotten, with its evidence", forgotten},
	{"what is pending, holds its key, contradicts itself or has been heard of since is not forgotten", notForgotten},
	{"what a backend is yet to be told is not forgotten", untoldNotForgotten},
	{"what only a dropped endpoint was to be told is forgotten", droppedForgotten},
	{"what backends were told of it is forgotten as well", forgottenNotices},
	{"a forgotten transaction is unknown, and its readers go on", afterForgetting},
	{"webhooks that wait in vain are found by their age", strandedWebhooks},
}

func forgetter(t *testing.T, s verdict.Store) verdict.Forgetter {
	t.Helper()
	f, ok := s.(verdict.Forgetter)
	if !ok {
		t.Fatalf("%T is no verdict.Forgetter", s)
	}
	return f
}

// past is a transaction as it would be archived now.
func past(t *testing.T, s verdict.Store, tx verdict.Transaction) verdict.Past {
	t.Helper()
	return verdict.Past{Transaction: tx, Evidence: history(t, s, tx.ID)}
}

func forget(t *testing.T, s verdict.Store, want int, archived ...verdict.Past) {
	t.Helper()
	if n, err := forgetter(t, s).Forget(t.Context(), archived); n != want || err != nil {
		t.Errorf("forgot %d, error %v, want %d", n, err, want)
	}
}

func forgotten(t *testing.T, s verdict.Store) {
	forget(t, s, 0)
	var all []verdict.Past
	for n := range 5 {
		all = append(all, past(t, s, settle(t, s, accepted("owner", n, time.Now()))))
	}
	release(t, s, time.Now().Add(time.Hour), 10, 5)
	forget(t, s, 2, all[1], all[3])
	forget(t, s, 1, all[1], all[2]) // the first is gone already
	for i, p := range all {
		_, err := s.Transaction(t.Context(), p.Transaction.ID)
		if i == 0 || i == 4 {
			is(t, "transaction that stays", err, nil)
			equal(t, "its history", history(t, s, p.Transaction.ID), nil, p.Evidence)
			continue
		}
		is(t, "forgotten transaction", err, verdict.ErrNotFound)
		if left := history(t, s, p.Transaction.ID); len(left) != 0 {
			t.Errorf("its evidence stays: %+v", left)
		}
	}
	settledAre(t, s, nil, 0, 10, []verdict.Transaction{all[0].Transaction, all[4].Transaction})
}

// heldByNotice returns a notice and its transaction, which nothing else keeps on record.
func heldByNotice(t *testing.T, s verdict.Store, now time.Time) (verdict.Notice, verdict.Transaction) {
	n := enlisted(t, s, 1, now)[0]
	release(t, s, now.Add(time.Hour), 10, 1)
	tx, err := s.Transaction(t.Context(), n.Transaction)
	is(t, "read "+n.Transaction, err, nil)
	forget(t, s, 0, past(t, s, tx))
	return n, tx
}

func untoldNotForgotten(t *testing.T, s verdict.Store) {
	now := time.Now()
	n, tx := heldByNotice(t, s, now)
	n = conclude(t, s, n, verdict.Receipt{At: now})
	forget(t, s, 0, past(t, s, tx)) // it is tried again
	conclude(t, s, n, verdict.Receipt{At: now, Vain: true})
	forget(t, s, 1, past(t, s, tx))
}

func droppedForgotten(t *testing.T, s verdict.Store) {
	_, tx := heldByNotice(t, s, time.Now())
	drops(t, s, backend, 10, 1)
	forget(t, s, 1, past(t, s, tx))
}

func forgottenNotices(t *testing.T, s verdict.Store) {
	now := time.Now()
	notices := enlisted(t, s, 2, now)
	gone, stays := notices[0].Transaction, notices[1].Transaction
	release(t, s, now.Add(time.Hour), 10, 2)
	for _, n := range notices {
		conclude(t, s, n, verdict.Receipt{At: now, Taken: true})
	}
	tx, err := s.Transaction(t.Context(), gone)
	is(t, "read "+gone, err, nil)
	forget(t, s, 1, past(t, s, tx))
	for id, want := range map[string]int{gone: 0, stays: 1} {
		if of, err := s.NoticesOf(t.Context(), id); err != nil || len(of) != want {
			t.Errorf("notices of %s: %+v, error %v, want %d", id, of, err, want)
		}
	}
	left, err := s.Notices(t.Context(), backend, verdict.NoticeTold, 0, 10)
	if err != nil || len(left) != 1 || left[0].Transaction != stays {
		t.Errorf("notices: %+v, error %v", left, err)
	}
}

func notForgotten(t *testing.T, s verdict.Store) {
	released := settle(t, s, accepted("owner", 0, time.Now()))
	conflicting := settle(t, s, accepted("owner", 1, time.Now()))
	record(t, s, conflicting.ID, verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, Conflict: true})
	heard := settle(t, s, accepted("owner", 2, time.Now()))
	release(t, s, time.Now().Add(time.Hour), 10, 3)
	pending, holding := create(t, s, accepted("owner", 3, time.Now())), settle(t, s, accepted("owner", 4, time.Now()))
	archived := []verdict.Past{
		past(t, s, pending), past(t, s, holding), past(t, s, conflicting), past(t, s, heard), past(t, s, released),
		{Transaction: accepted("owner", 5, time.Now())},
	}
	record(t, s, heard.ID, verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeSucceeded})
	forget(t, s, 1, archived...)
	for _, tx := range []verdict.Transaction{pending, holding} {
		standsAs(t, s, tx)
	}
	settledAre(t, s, nil, 0, 10, []verdict.Transaction{conflicting, heard, holding})
	found, err := s.Conflicts(t.Context(), 0, 10)
	if err != nil || len(found) != 1 || found[0].Transaction.ID != conflicting.ID {
		t.Errorf("conflicts %+v, error %v", found, err)
	}
	forget(t, s, 1, past(t, s, heard))
}

func afterForgetting(t *testing.T, s verdict.Store) {
	first, second := settle(t, s, accepted("owner", 1, time.Now())), settle(t, s, accepted("owner", 2, time.Now()))
	audience, last := first.Audience(), lastEventID(t, s)
	release(t, s, time.Now().Add(time.Hour), 10, 2)
	forget(t, s, 2, past(t, s, first), past(t, s, second))

	is(t, "record", s.Record(t.Context(), first.ID, settledBy(time.Now())), verdict.ErrNotFound)
	if err := s.Deliver(t.Context(), []verdict.Delivery{{Transaction: first.ID, Told: time.Now(), Confirmed: time.Now()}}); err != nil {
		t.Error(err)
	}
	park(t, s, verdict.Webhook{Provider: "partner", Transaction: first.ID, Body: []byte("{}"), At: time.Now()})
	parkedAre(t, s, 10)
	if now := lastEventID(t, s); now != last {
		t.Errorf("the last event id was %d and is %d", last, now)
	}
	third := settle(t, s, accepted("owner", 1, time.Now())) // by the same key
	if third.EventID <= last {
		t.Errorf("event id %d after %d", third.EventID, last)
	}
	settledAre(t, s, nil, first.EventID, 10, []verdict.Transaction{third})
	settledAre(t, s, &audience, last, 10, []verdict.Transaction{third})
	unconfirmed, err := s.Unconfirmed(t.Context(), audience, 0, third.EventID, 10)
	equal(t, "unconfirmed", unconfirmed, err, []verdict.Transaction{third})
	release(t, s, time.Now().Add(time.Hour), 10, 1)
}

func strandedWebhooks(t *testing.T, s verdict.Store) {
	old, older, known, late := webhook(3, "a"), webhook(2, "b"), webhook(4, "c"), webhook(5, "d")
	park(t, s, old, older, known, late)
	create(t, s, accepted("owner", 4, time.Now()))
	for limit, want := range map[int][]verdict.Webhook{0: nil, 1: {old}, 10: {old, older}} {
		got, err := forgetter(t, s).Stranded(t.Context(), late.At, limit)
		if len(got) == 0 {
			got = nil
		}
		equal(t, "stranded", got, err, want)
	}
	parkedAre(t, s, 10, known)
}
