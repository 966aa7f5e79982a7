package storetest

import (
	"bytes"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
)

var creating = []promise{
	{"a new transaction comes back to the last byte and nanosecond", roundTrip},
	{"times in other zones come back in UTC, and the zero time as zero", times},
	{"a store shares no memory with its callers", ownMemory},
	{"a taken scope changes nothing and returns what stands there", takenScope},
	{"scopes that differ in one part are different", differentScopes},
	{"of concurrent requests of one scope one is created", oneOfMany},
	{"the id of another transaction is refused", takenID},
	{"what isn't there is not found", notFound},
	{"a context that has ended stores nothing", endedContext},
}

// exotic returns a transaction with every field set, and in them what encodings stumble over.
func exotic() verdict.Transaction {
	payload := make([]byte, verdict.MaxPayload)
	for i := range payload {
		payload[i] = byte(i)
	}
	return verdict.Transaction{
		ID:       "0190-é",
		Scope:    verdict.Scope{Tenant: "t'; --", Owner: "o\x00wner", Operation: `op"`, Key: "ключ\xff"},
		Provider: "partner", Payload: payload, Fingerprint: [32]byte{1, 0, 31: 255},
		Status: verdict.Pending, Stage: verdict.StageWaiting, Reason: "late\nvery", Reference: "réf", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		Version: 1, Sends: 3, Checks: 4, Answered: true, Watched: true,
		Due:       time.Unix(1800000000, 999999999).UTC(),
		CreatedAt: time.Unix(1700000000, 1).UTC(),
		SentAt:    time.Unix(0, 0).UTC(),
		CheckedAt: time.Unix(1750000000, 7).UTC(),
		SettledAt: time.Unix(-1, 5).UTC(),
	}
}

func roundTrip(t *testing.T, s verdict.Store) {
	given := exotic()
	given.Version = 7
	stored := create(t, s, given)
	want := exotic()
	want.EventID = stored.EventID
	equal(t, "stored", stored, nil, want)
	standsAs(t, s, want)
}

func times(t *testing.T, s verdict.Store) {
	now := time.Now() // with a monotonic clock
	given := accepted("owner", 1, abroad(now))
	given.CheckedAt = abroad(now)
	stored := create(t, s, given)
	if stored.Due != plain(now) || stored.CreatedAt != plain(now) || stored.CheckedAt != plain(now) {
		t.Errorf("%s is stored as due %s, created %s, checked %s", now, stored.Due, stored.CreatedAt, stored.CheckedAt)
	}
	if stored.SentAt != (time.Time{}) || stored.SettledAt != (time.Time{}) {
		t.Errorf("zero times are stored as sent %s, settled %s", stored.SentAt, stored.SettledAt)
	}
	standsAs(t, s, stored)
}

func ownMemory(t *testing.T, s verdict.Store) {
	given := accepted("owner", 1, time.Now())
	want := bytes.Clone(given.Payload)
	stored := create(t, s, given)
	clear(given.Payload)
	clear(stored.Payload)
	read, err := s.Transaction(t.Context(), given.ID)
	if err != nil {
		t.Fatal(err)
	}
	clear(read.Payload)
	read, err = s.Transaction(t.Context(), given.ID)
	equal(t, "payload", read.Payload, err, want)
}

func takenScope(t *testing.T, s verdict.Store) {
	first := create(t, s, accepted("owner", 1, time.Now()))
	standing := replace(t, s, first.Send(policy(), time.Now()), nil)
	last := lastEventID(t, s)

	other := accepted("owner", 2, time.Now())
	other.Scope, other.Provider = first.Scope, "another"
	got, created, err := s.Create(t.Context(), other)
	equal(t, "what stands there", got, err, standing)
	if created {
		t.Error("a taken scope was created")
	}
	_, err = s.Transaction(t.Context(), other.ID)
	is(t, "the second request's transaction", err, verdict.ErrNotFound)
	standsAs(t, s, standing)
	if now := lastEventID(t, s); now != last {
		t.Errorf("the last event id went from %d to %d", last, now)
	}
	command, _ := standing.Command()
	claims(t, s, standing.Due, command)
}

func differentScopes(t *testing.T, s verdict.Store) {
	scopes := []verdict.Scope{
		{Tenant: "a", Owner: "b", Operation: "c", Key: "d"},
		{Tenant: "A", Owner: "b", Operation: "c", Key: "d"},
		{Tenant: "a", Owner: "b ", Operation: "c", Key: "d"},
		{Tenant: "a", Owner: "b", Operation: "c\x00", Key: "d"},
		{Tenant: "a", Owner: "b", Operation: "c", Key: "é"},
		{Tenant: "a", Owner: "b", Operation: "c", Key: "e\u0301"},
		{Tenant: "ab", Owner: "", Operation: "c", Key: "d"},
		{Tenant: "a", Owner: "bc", Operation: "", Key: "d"},
	}
	for i, scope := range scopes {
		given := accepted("owner", i, time.Now())
		given.Scope = scope
		standsAs(t, s, create(t, s, given))
	}
}

func oneOfMany(t *testing.T, s verdict.Store) {
	const requests = 32
	var winners atomic.Int64
	var standing [requests]verdict.Transaction
	together(requests, func(i int) {
		given := accepted("owner", i, time.Now())
		given.Key = "one"
		stored, created, err := s.Create(t.Context(), given)
		if err != nil {
			t.Errorf("create: %v", err)
		}
		if created {
			winners.Add(1)
		}
		standing[i] = stored
	})
	if winners.Load() != 1 {
		t.Errorf("%d requests of one scope were created", winners.Load())
	}
	for _, got := range standing {
		equal(t, "what a request got", got, nil, standing[0])
	}
	standsAs(t, s, standing[0])
}

func takenID(t *testing.T, s verdict.Store) {
	first := create(t, s, accepted("owner", 1, time.Now()))
	other := accepted("another", 1, time.Now())
	other.ID = first.ID
	if _, _, err := s.Create(t.Context(), other); err == nil {
		t.Error("two transactions have one id")
	}
	_, err := s.Find(t.Context(), other.Scope)
	is(t, "the second", err, verdict.ErrNotFound)
	standsAs(t, s, first)
}

func notFound(t *testing.T, s verdict.Store) {
	given := create(t, s, accepted("owner", 1, time.Now()))
	_, err := s.Transaction(t.Context(), "nobody")
	is(t, "transaction", err, verdict.ErrNotFound)
	other := given.Scope
	other.Owner = "another"
	_, err = s.Find(t.Context(), other)
	is(t, "find", err, verdict.ErrNotFound)
}

func endedContext(t *testing.T, s verdict.Store) {
	ctx := ended(t)
	given := accepted("owner", 1, time.Now())
	_, _, err := s.Create(ctx, given)
	is(t, "create", err, ctx.Err())
	_, err = s.Find(t.Context(), given.Scope)
	is(t, "find", err, verdict.ErrNotFound)
	_, err = s.Find(ctx, given.Scope)
	is(t, "find with the ended context", err, ctx.Err())
}
