package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"verdict"
)

// What the release of schema version 1 does to a file that it has open while this one takes over.
const (
	nextEventV1 = `UPDATE meta SET event = event + 1`

	createV1 = `INSERT INTO transactions (id, tenant, owner, operation, key, provider, status, stage, reason, reference,
		version, event_id, sends, checks, due, created_at, sent_at, settled_at, fingerprint, payload)
		VALUES (?1, 'tenant', 'owner', 'transfer', ?1, 'partner', 'pending', 'accepted', '', ?1,
		1, (SELECT event FROM meta), 0, 0, 1700000000000000000, 1700000000000000001, NULL, NULL, x'0102', x'7b7d')`

	sendV1 = `UPDATE transactions SET status = 'pending', stage = 'sending', reason = '', reference = id, version = version + 1,
		event_id = (SELECT event FROM meta), sends = 1, checks = 0, due = 1700000060000000000,
		sent_at = 1700000000000000002, settled_at = NULL WHERE id = ?`

	settleV1 = `UPDATE transactions SET status = 'succeeded', stage = 'settled', reason = '', reference = id, version = version + 1,
		event_id = (SELECT event FROM meta), sends = 1, checks = 0, due = NULL, sent_at = 1700000000000000002,
		settled_at = 1700000000000000004 WHERE id = ?`

	putCommandV1 = `INSERT INTO outbox (transaction_id, kind, version, provider, since, due)
		VALUES (?, ?, ?, 'partner', 1700000000000000000, 1700000000000000000)
		ON CONFLICT (transaction_id) DO UPDATE SET kind = excluded.kind, version = excluded.version,
		provider = excluded.provider, since = excluded.since, due = excluded.due`

	claimV1 = `UPDATE outbox SET due = ?1 + min(max(?1 - since, ?2), ?3)
		WHERE transaction_id IN (SELECT transaction_id FROM outbox WHERE due <= ?1 ORDER BY since, transaction_id LIMIT ?4)
		RETURNING kind, transaction_id, version, provider, since`

	evidenceV1 = `INSERT INTO evidence (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest)
		SELECT id, 'check', 'pending', '', '', NULL, 1700000000000000003, 0, 0, x'7b7d', NULL FROM transactions WHERE id = ?`
)

// releaseV1 makes a file as the release of schema version 1 does, with a transaction in it, and keeps it open.
func releaseV1(t *testing.T, path string) (*direct, *sql.Conn) {
	t.Helper()
	db, err := sql.Open("sqlite3", dsn(path, "_journal_mode=WAL&_synchronous=FULL"))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { _ = conn.Close() }) // it may be closed already
	if err := migrateTo(t.Context(), conn, released(t)[:1]); err != nil {
		t.Fatal(err)
	}
	if err := makeMeta(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	old, err := newDirect(conn)
	if err != nil {
		t.Fatal(err)
	}
	createdV1(t, old, "before")
	return old, conn
}

// createdV1 creates a transaction as the release of schema version 1 does, with a piece of evidence.
func createdV1(t *testing.T, old *direct, id string) {
	t.Helper()
	run(t, old, nextEventV1)
	run(t, old, createV1, id)
	run(t, old, putCommandV1, id, verdict.Submit, 1)
	run(t, old, evidenceV1, id)
}

func run(t *testing.T, s *direct, query string, args ...any) {
	t.Helper()
	if changed, err := s.exec(query, args...); err != nil || changed != 1 {
		t.Errorf("%s: changed %d rows, error %v", query, changed, err)
	}
}

func TestAFileOfTheReleaseBeforeOpensWithItsRows(t *testing.T) {
	path := newPath(t)
	_, conn := releaseV1(t, path)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	got, err := s.Transaction(t.Context(), "before")
	want := verdict.Transaction{
		ID: "before", Scope: verdict.Scope{Tenant: "tenant", Owner: "owner", Operation: "transfer", Key: "before"},
		Provider: "partner", Payload: []byte("{}"), Fingerprint: [32]byte{1, 2}, Status: verdict.Pending, Stage: verdict.StageAccepted,
		Reference: "before", Version: 1, EventID: 1,
		Due: time.Unix(1700000000, 0).UTC(), CreatedAt: time.Unix(1700000000, 1).UTC(),
	}
	same(t, "transaction", got, err, want)
	found, err := s.History(t.Context(), "before")
	same(t, "pieces of evidence", len(found), err, 1)
	command, _ := want.Command()
	claimed, err := s.ClaimDue(t.Context(), submits, time.Now(), 10)
	same(t, "claimed", claimed, err, []verdict.Command{command})
	known, err := s.Partner(t.Context(), "partner")
	same(t, "partner", known, err, verdict.Partner{})
	next := want.Send(verdict.Policy{Schedule: verdict.DefaultSchedule()}, time.Now().UTC().Round(0))
	next.Watched = true
	stored, err := s.Replace(t.Context(), next, nil)
	next.EventID = stored.EventID
	same(t, "the next state", stored, err, next)
}

// TestTheReleaseBeforeWorksOnDuringAnUpgrade has both releases use a file: the one before with statements that it prepared
// when the file was its own.
func TestTheReleaseBeforeWorksOnDuringAnUpgrade(t *testing.T) {
	path := newPath(t)
	old, _ := releaseV1(t, path)
	s := openAt(t, path)
	seen := transaction("new")
	seen.Answered, seen.Watched, seen.CheckedAt = true, true, time.Unix(1700000000, 9).UTC()
	if _, _, err := s.Create(t.Context(), seen); err != nil {
		t.Fatal(err)
	}
	createdV1(t, old, "beside")
	run(t, old, nextEventV1)
	run(t, old, sendV1, "new")
	run(t, old, putCommandV1, "new", verdict.Check, 2)

	got, err := s.Transaction(t.Context(), "new")
	if err != nil || got.Version != 2 || !got.Answered || !got.Watched || got.CheckedAt != seen.CheckedAt {
		t.Errorf("after the release before: %+v, error %v", got, err)
	}
	stands(t, s, "beside", true)
	claimed, err := s.ClaimDue(t.Context(), verdict.Lane{Provider: "partner", Kind: verdict.Check}, time.Now(), 10)
	same(t, "claimed by this one", len(claimed), err, 1)
	askTooSoon(t, s, "due later")
	soon := moment(time.Now().Add(2 * time.Minute))
	rest, err := list(context.Background(), old, scanClaim, claimV1, soon, verdict.Lease, verdict.MaxClaim, 10)
	same(t, "claimed by the one before", len(rest), err, 2)
}

// TestAnAppIsToldWhatTheReleaseBeforeSettles: of its verdicts nobody has been told, and it doesn't lose what is noted of them.
func TestAnAppIsToldWhatTheReleaseBeforeSettles(t *testing.T) {
	path := newPath(t)
	old, _ := releaseV1(t, path)
	run(t, old, nextEventV1)
	run(t, old, settleV1, "before")
	s := openAt(t, path)
	createdV1(t, old, "during")
	run(t, old, nextEventV1)
	run(t, old, settleV1, "during")

	ctx, now := t.Context(), time.Unix(1700000001, 0).UTC()
	unconfirmed := func() (ids []string) {
		t.Helper()
		found, err := s.Unconfirmed(ctx, transaction("").Audience(), 0, 100, 10)
		if err != nil {
			t.Error(err)
		}
		for _, settled := range found {
			ids = append(ids, settled.ID)
		}
		return ids
	}
	same(t, "unconfirmed", unconfirmed(), nil, []string{"before", "during"})
	if err := s.Deliver(ctx, []verdict.Delivery{{Transaction: "before", Told: now, Confirmed: now}}); err != nil {
		t.Error(err)
	}
	run(t, old, nextEventV1)
	run(t, old, settleV1, "before")
	got, err := s.Transaction(ctx, "before")
	if err != nil || got.EventID != 5 || got.ToldAt != now || got.ConfirmedAt != now {
		t.Errorf("after the release before: %+v, error %v", got, err)
	}
	same(t, "unconfirmed", unconfirmed(), nil, []string{"during"})
}

// askTooSoon has a transaction that is due in an hour ask for a turn that comes before that.
func askTooSoon(t *testing.T, s *Store, name string) {
	t.Helper()
	now := time.Now()
	later := transaction(name)
	later.Due = now.Add(time.Hour)
	if _, _, err := s.Create(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	refusal := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeUnknown, At: now, Wait: time.Minute}
	if err := s.Record(t.Context(), name, refusal); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Ask(t.Context(), later.Ask(now), verdict.Budget{Limit: 1, Window: time.Minute, Burst: 1}, now)
	if paced, ok := errors.AsType[*verdict.PacedError](err); !ok || !paced.Until.Before(later.Due) {
		t.Errorf("error %v, want a turn within the hour", err)
	}
}
