package sqlite

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

func TestReopeningKeepsEverything(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	now := time.Now()
	given := create(t, s, "pending")
	e := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed, At: time.Now().UTC().Round(0), Raw: []byte{0, 255}}
	settled, err := s.Replace(t.Context(), create(t, s, "settled").Weigh(e, verdict.Policy{Traits: verdict.Traits{WebhookSettles: true}}), &e)
	if err != nil {
		t.Fatal(err)
	}
	settled.ToldAt, settled.ConfirmedAt = e.At, e.At.Add(1)
	if err := s.Deliver(t.Context(), []verdict.Delivery{{Transaction: "settled", Told: settled.ToldAt, Confirmed: settled.ConfirmedAt}}); err != nil {
		t.Fatal(err)
	}
	if first, err := s.Spend(t.Context(), "name", now.Add(time.Hour)); !first || err != nil {
		t.Fatalf("first %v, error %v", first, err)
	}
	w := verdict.Webhook{Provider: "partner", Transaction: "pending", Body: []byte("{}"), At: e.At}
	if err := s.Park(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	budget := verdict.Budget{Limit: 1, Window: time.Minute, Burst: 1}
	asked, _, err := s.Ask(t.Context(), create(t, s, "asked").Ask(now), budget, now)
	if err != nil {
		t.Fatal(err)
	}
	refusal := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeUnknown, Asked: e.At, At: e.At, Wait: time.Hour}
	if err := s.Record(t.Context(), "asked", refusal); err != nil {
		t.Fatal(err)
	}
	if err := s.Learn(t.Context(), "partner", verdict.Learned{Answered: verdict.Course{Opened: 2.5}, At: now}); err != nil {
		t.Fatal(err)
	}
	known, err := s.Partner(t.Context(), "partner")
	if err != nil || known.Pace.Closed.IsZero() || known.Learned.At.IsZero() {
		t.Fatalf("known %+v, error %v", known, err)
	}
	secret, err := s.Secret(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = openAt(t, path)
	ctx := t.Context()
	command, _ := given.Command()
	askedCommand, _ := asked.Command()
	for what, check := range map[string]struct {
		read func() (any, error)
		want any
	}{
		"pending":       {func() (any, error) { return s.Transaction(ctx, "pending") }, given},
		"settled":       {func() (any, error) { return s.Settled(ctx, nil, 0, 10) }, []verdict.Transaction{settled}},
		"history":       {func() (any, error) { return s.History(ctx, "settled") }, []verdict.Evidence{e}},
		"parked":        {func() (any, error) { return s.Parked(ctx, 10) }, []verdict.Webhook{w}},
		"secret":        {func() (any, error) { return s.Secret(ctx) }, secret},
		"last event id": {func() (any, error) { return s.LastEventID(ctx) }, int64(5)},
		"outbox":        {func() (any, error) { return s.ClaimDue(ctx, submits, time.Now().Add(time.Hour), 10) }, []verdict.Command{command, askedCommand}},
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

// TestTwoStoresShareAFile stands for two processes: they know nothing of each other but the file.
func TestTwoStoresShareAFile(t *testing.T) {
	const keys = 100
	path := newPath(t)
	stores := [2]*Store{openAt(t, path), openAt(t, path)}
	var mu sync.Mutex
	events, claimed := map[int64]bool{}, map[string]bool{}
	var creating sync.WaitGroup
	for n := range keys {
		for _, s := range stores {
			creating.Go(func() {
				stored, created, err := s.Create(t.Context(), transaction(fmt.Sprint("key ", n)))
				mu.Lock()
				defer mu.Unlock()
				if err != nil || created && events[stored.EventID] {
					t.Errorf("created %v with event id %d, error %v", created, stored.EventID, err)
				}
				if created {
					events[stored.EventID] = true
				}
			})
		}
	}
	creating.Wait()
	if len(events) != keys {
		t.Errorf("%d keys were created %d times", keys, len(events))
	}
	var claiming sync.WaitGroup
	due := time.Now().Add(time.Hour)
	for _, s := range stores {
		claiming.Go(func() {
			for {
				found, err := s.ClaimDue(t.Context(), submits, due, 7)
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				if len(found) == 0 {
					return
				}
				mu.Lock()
				for _, command := range found {
					if claimed[command.Transaction] {
						t.Errorf("%s was claimed twice", command.Transaction)
					}
					claimed[command.Transaction] = true
				}
				mu.Unlock()
			}
		})
	}
	claiming.Wait()
	if len(claimed) != keys {
		t.Errorf("%d of %d commands were claimed", len(claimed), keys)
	}
}

func TestAnotherProcessThatKeepsWritingMeansOverload(t *testing.T) {
	path := newPath(t)
	s, other := openAt(t, path), openAt(t, path)
	s.writer.setBusyTimeout(1)
	release := hold(t, other)
	if _, _, err := s.Create(t.Context(), transaction("refused")); !errors.Is(err, verdict.ErrOverloaded) {
		t.Errorf("error %v, want ErrOverloaded", err)
	}
	release()
	stands(t, s, "refused", false)
}

// child is the variable that makes this test binary a writer that is to be killed; it holds the path.
const child = "VERDICT_TEST_KILLED_WRITER"

func TestWhatWasAcknowledgedSurvivesAKill(t *testing.T) {
	if path := os.Getenv(child); path != "" {
		writeUntilKilled(t, path)
		return
	}
	path := newPath(t)
	for round := range 3 {
		acknowledged := killWriter(t, path, 300)
		s := openAt(t, path)
		for _, id := range acknowledged {
			stands(t, s, id, true)
		}
		consistent(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		t.Logf("round %d: %d acknowledged", round, len(acknowledged))
	}
}

// writeUntilKilled creates transactions and writes the id of each to standard output once it is acknowledged.
func writeUntilKilled(t *testing.T, path string) {
	s := openAt(t, path)
	var writing sync.WaitGroup
	for i := range 16 {
		writing.Go(func() {
			for n := 0; t.Context().Err() == nil; n++ {
				id := fmt.Sprintf("%d-%d-%d", os.Getpid(), i, n)
				create(t, s, id)
				if _, err := fmt.Println(id); err != nil {
					return // nobody listens any more
				}
			}
		})
	}
	writing.Wait()
}

// killWriter runs a writer until it has acknowledged at least n transactions, and kills it. It returns all it has
// acknowledged.
func killWriter(t *testing.T, path string, n int) (acknowledged []string) {
	t.Helper()
	writer := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWhatWasAcknowledgedSurvivesAKill$", "-test.timeout=1m")
	writer.Env = append(os.Environ(), child+"="+path)
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // what stands before the end without a line's end is no acknowledgement
		}
		acknowledged = append(acknowledged, strings.TrimSpace(line))
		if len(acknowledged) == n {
			if err := writer.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	_ = writer.Wait() // killed
	if len(acknowledged) < n {
		t.Fatalf("the writer ended after %d acknowledgements: %q", len(acknowledged), acknowledged)
	}
	return acknowledged
}

// consistent checks that the file is sound and that each change brought its command.
func consistent(t *testing.T, s *Store) {
	t.Helper()
	for query, want := range map[string]string{
		"PRAGMA integrity_check": "ok",
		"SELECT count(*) FROM transactions WHERE id NOT IN (SELECT transaction_id FROM outbox)": "0",
		"SELECT max(event_id) = (SELECT event FROM meta) FROM transactions":                     "1",
		"SELECT count(*) = count(DISTINCT event_id) FROM transactions":                          "1",
	} {
		if got, err := first(read(t.Context(), s, value[string], query)); err != nil || got != want {
			t.Errorf("%s: %s, error %v, want %s", query, got, err, want)
		}
	}
}
