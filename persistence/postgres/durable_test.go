package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"verdict"
	"verdict/persistence/postgres/postgrestest"
)

// TestWhatWasAcknowledgedSurvivesACrashOfTheServer, one that syncs, as the store of an instance demands.
func TestWhatWasAcknowledgedSurvivesACrashOfTheServer(t *testing.T) {
	own := postgrestest.New(t)
	s, err := Open(t.Context(), own.URL(newSchema()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for round := range 3 {
		acknowledged, uncertain := writeUntilCrash(t, s, own, round, 300)
		if err := own.Start(); err != nil {
			t.Fatal(err)
		}
		events := map[int64]string{}
		for name, event := range acknowledged {
			got, err := s.Transaction(t.Context(), name)
			if err != nil || got.EventID != event {
				t.Errorf("round %d: %s was acknowledged with event id %d: read %d, error %v", round, name, event, got.EventID, err)
			}
			if other, given := events[event]; given {
				t.Errorf("round %d: %s and %s have event id %d", round, name, other, event)
			}
			events[event] = name
		}
		consistent(t, s)
		t.Logf("round %d: %d acknowledged, %d uncertain", round, len(acknowledged), uncertain)
	}
}

// writeUntilCrash has callers create transactions until the server has crashed, after at least n. It returns the event ids
// of those that were acknowledged, by name, and how many were uncertain.
func writeUntilCrash(t *testing.T, s *Store, own *postgrestest.Server, round, n int) (acknowledged map[string]int64, uncertain int) {
	t.Helper()
	var mu sync.Mutex
	acknowledged = map[string]int64{}
	enough := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	for i := range 16 {
		writing.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				name := fmt.Sprint(round, " ", i, " ", k)
				stored, _, err := s.Create(context.WithoutCancel(ctx), transaction(name))
				mu.Lock()
				switch {
				case err == nil:
					acknowledged[name] = stored.EventID
					if len(acknowledged) == n {
						close(enough)
					}
				case errors.Is(err, verdict.ErrUncertain):
					uncertain++
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	<-enough
	if err := own.Crash(); err != nil {
		t.Error(err)
	}
	stop()
	writing.Wait()
	return acknowledged, uncertain
}

// consistent checks that each change brought its command and its number.
func consistent(t *testing.T, s *Store) {
	t.Helper()
	for _, query := range []string{
		"SELECT NOT EXISTS (SELECT FROM transactions WHERE id NOT IN (SELECT transaction_id FROM outbox))",
		"SELECT max(event_id) = (SELECT event FROM meta) FROM transactions",
		"SELECT count(*) = count(DISTINCT event_id) FROM transactions",
	} {
		holds, err := first(read(t.Context(), s, value[bool], query))
		same(t, query, holds, err, true)
	}
}

func TestReopeningKeepsEverything(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	now := time.Now()
	given := create(t, s, "pending")
	settled := settle(t, s, create(t, s, "settled"))
	told := time.Unix(1700000000, 1).UTC()
	settled.ToldAt, settled.ConfirmedAt = told, told.Add(1)
	if err := s.Deliver(t.Context(), []verdict.Delivery{{Transaction: "settled", Told: settled.ToldAt, Confirmed: settled.ConfirmedAt}}); err != nil {
		t.Fatal(err)
	}
	if first, err := s.Spend(t.Context(), "name", now.Add(time.Hour)); !first || err != nil {
		t.Fatalf("first %v, error %v", first, err)
	}
	w := verdict.Webhook{Provider: "partner", Transaction: "pending", Body: []byte("{}"), At: told}
	if err := s.Park(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	asked, _, err := s.Ask(t.Context(), create(t, s, "asked").Ask(now), verdict.Budget{Limit: 1, Window: time.Minute, Burst: 1}, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Learn(t.Context(), "partner", verdict.Learned{Answered: verdict.Course{Opened: 2.5}, At: now}); err != nil {
		t.Fatal(err)
	}
	known, err := s.Partner(t.Context(), "partner")
	if err != nil || known.Pace.Next.IsZero() || known.Learned.At.IsZero() {
		t.Fatalf("known %+v, error %v", known, err)
	}
	secret, err := s.Secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openAt(t, url)
	ctx := t.Context()
	command, _ := given.Command()
	askedCommand, _ := asked.Command()
	for what, check := range map[string]struct {
		read func() (any, error)
		want any
	}{
		"pending":       {func() (any, error) { return s.Transaction(ctx, "pending") }, given},
		"settled":       {func() (any, error) { return s.Settled(ctx, nil, 0, 10) }, []verdict.Transaction{settled}},
		"parked":        {func() (any, error) { return s.Parked(ctx, 10) }, []verdict.Webhook{w}},
		"secret":        {func() (any, error) { return s.Secret(ctx) }, secret},
		"last event id": {func() (any, error) { return s.LastEventID(ctx) }, int64(5)},
		"outbox":        {func() (any, error) { return s.ClaimDue(ctx, submits, now.Add(time.Hour), 10) }, []verdict.Command{command, askedCommand}},
		"spent before":  {func() (any, error) { return s.Spend(ctx, "name", now.Add(time.Hour)) }, false},
		"partner":       {func() (any, error) { return s.Partner(ctx, "partner") }, known},
	} {
		got, err := check.read()
		same(t, what, got, err, check.want)
	}
	if next := create(t, s, "next"); next.EventID != 6 {
		t.Errorf("the next event id is %d, want 6", next.EventID)
	}
}
