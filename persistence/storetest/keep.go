package storetest

import (
	"bytes"
	"testing"
	"time"

	"verdict"
)

var keeping = []promise{
	{"evidence comes back in order, to the last byte and nanosecond", evidenceInOrder},
	{"evidence of an unknown transaction is refused", evidenceOfNobody},
	{"the same webhook again is kept once", webhookOnce},
	{"a parked webhook waits for its transaction", parkedUntilKnown},
	{"the same body parked again changes nothing", parkedOnce},
	{"parked webhooks come longest parked first", parkedInOrder},
	{"an unparked webhook is gone", unparked},
	{"the secret is 32 random bytes and never changes", secretStays},
}

func evidenceInOrder(t *testing.T, s verdict.Store) {
	given := create(t, s, accepted("owner", 1, time.Now()))
	other := create(t, s, accepted("owner", 2, time.Now()))
	raw := make([]byte, verdict.MaxRaw)
	for i := range raw {
		raw[i] = byte(i)
	}
	at := time.Unix(1800000000, 123456789).UTC()
	want := []verdict.Evidence{
		{
			Source: verdict.SourceReply, Outcome: verdict.OutcomeUnknown, Reason: "504\x00é", Reference: "theirs",
			Asked: at.Add(-time.Nanosecond), At: at, Wait: time.Minute + 1, Raw: raw, Conflict: true,
		},
		{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: at.Add(-time.Hour)},
		{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, Asked: at, At: at, Raw: []byte("{}")},
		{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, Asked: at, At: at, Raw: []byte("{}")}, // the same again
		{Source: verdict.SourceCheck, Outcome: verdict.OutcomeNotFound, Asked: at, At: at, Raw: []byte("\xff")},
	}
	for _, e := range want {
		if err := s.Record(t.Context(), given.ID, e); err != nil {
			t.Error(err)
		}
		if err := s.Record(t.Context(), other.ID, want[3]); err != nil {
			t.Error(err)
		}
	}
	equal(t, "history", history(t, s, given.ID), nil, want)
	standsAs(t, s, given)
	clear(history(t, s, given.ID)[0].Raw)
	equal(t, "history read again", history(t, s, given.ID), nil, want)
}

func webhookOnce(t *testing.T, s verdict.Store) {
	first := settle(t, s, accepted("owner", 1, time.Now())) // by a webhook without a body
	second := create(t, s, accepted("owner", 2, time.Now()))
	said := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomePending, At: plain(time.Now()), Raw: []byte("{}")}
	second = replace(t, s, second.Weigh(said, policy()), &said)
	replace(t, s, second.Weigh(said, policy()), &said) // the state may change, the evidence is the same
	for _, id := range []string{first.ID, first.ID, second.ID} {
		if err := s.Record(t.Context(), id, said); err != nil {
			t.Error(err)
		}
	}
	if n := len(history(t, s, first.ID)); n != 2 {
		t.Errorf("%d pieces of evidence, want 2: one without a body, one with", n)
	}
	equal(t, "history", history(t, s, second.ID), nil, []verdict.Evidence{said})
}

func evidenceOfNobody(t *testing.T, s verdict.Store) {
	is(t, "record", s.Record(t.Context(), "nobody", settledBy(time.Now())), verdict.ErrNotFound)
	if found := history(t, s, "nobody"); len(found) != 0 {
		t.Errorf("history of nobody: %+v", found)
	}
}

// webhook returns one for the n-th transaction of the owner.
func webhook(n int, body string) verdict.Webhook {
	return verdict.Webhook{
		Provider: "partner", Transaction: accepted("owner", n, time.Time{}).ID, Body: []byte(body),
		At: time.Unix(1800000000, int64(n)).UTC(),
	}
}

func park(t *testing.T, s verdict.Store, webhooks ...verdict.Webhook) {
	t.Helper()
	for _, w := range webhooks {
		if err := s.Park(t.Context(), w); err != nil {
			t.Errorf("park: %v", err)
		}
	}
}

func parkedAre(t *testing.T, s verdict.Store, limit int, want ...verdict.Webhook) {
	t.Helper()
	got, err := s.Parked(t.Context(), limit)
	if len(got) == 0 && len(want) == 0 {
		got, want = nil, nil
	}
	equal(t, "parked", got, err, want)
}

func parkedUntilKnown(t *testing.T, s verdict.Store) {
	w := webhook(1, "\x00\xff{}")
	given := webhook(1, "\x00\xff{}")
	park(t, s, given, webhook(2, "{}"))
	clear(given.Body) // the store has its own
	parkedAre(t, s, 10)
	create(t, s, accepted("owner", 1, time.Now()))
	got, err := s.Parked(t.Context(), 10)
	equal(t, "parked", got, err, []verdict.Webhook{w})
	if len(got) == 1 {
		clear(got[0].Body)
	}
	parkedAre(t, s, 10, w) // reading doesn't take it away
}

func parkedOnce(t *testing.T, s verdict.Store) {
	create(t, s, accepted("owner", 1, time.Now()))
	create(t, s, accepted("owner", 2, time.Now()))
	w := webhook(1, "one")
	later := w
	later.At = w.At.Add(time.Second)
	park(t, s, w, later, webhook(1, "two"), webhook(2, "one"), later)
	parkedAre(t, s, 10, w, webhook(1, "two"), webhook(2, "one"))
}

func parkedInOrder(t *testing.T, s verdict.Store) {
	want := []verdict.Webhook{webhook(3, "c"), webhook(1, "a"), webhook(2, "b"), webhook(4, "d")}
	park(t, s, want...)
	for _, n := range []int{4, 2, 3, 1} {
		create(t, s, accepted("owner", n, time.Now()))
	}
	parkedAre(t, s, 10, want...)
	parkedAre(t, s, 2, want[:2]...)
	parkedAre(t, s, 0)
}

func unparked(t *testing.T, s verdict.Store) {
	create(t, s, accepted("owner", 1, time.Now()))
	a, b := webhook(1, "a"), webhook(1, "b")
	park(t, s, a, b)
	for range 2 { // the second time there is none
		if err := s.Unpark(t.Context(), a); err != nil {
			t.Errorf("unpark: %v", err)
		}
		parkedAre(t, s, 10, b)
	}
	park(t, s, a)
	parkedAre(t, s, 10, b, a)
}

func secretStays(t *testing.T, s verdict.Store) {
	first, err := s.Secret(t.Context())
	if err != nil || len(first) != 32 || bytes.Equal(first, make([]byte, 32)) {
		t.Fatalf("secret %x, error %v", first, err)
	}
	want := bytes.Clone(first)
	clear(first)
	again, err := s.Secret(t.Context())
	equal(t, "secret", again, err, want)
}
