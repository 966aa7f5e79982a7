package postgres

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
)

// The stores of these tests stand for instances: they know nothing of each other but the database.
const instances = 3

func openMany(t *testing.T) (stores [instances]*Store) {
	t.Helper()
	url := newURL(t)
	for i := range stores {
		stores[i] = openAt(t, url)
	}
	return stores
}

// lockBy takes the lock of all changes until release is called.
func lockBy(t *testing.T, url string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "BEGIN; "+lock, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestAReaderThatFollowsMissesNothingOfAnyInstance: once it has seen an event id, none below appears.
func TestAReaderThatFollowsMissesNothingOfAnyInstance(t *testing.T) {
	const owners, each = 4, 40
	stores := openMany(t)
	var settling sync.WaitGroup
	for i := range instances * owners {
		settling.Go(func() {
			for n := range each {
				given := create(t, stores[i%instances], fmt.Sprint(i, " ", n))
				settle(t, stores[(i+n)%instances], given)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		settling.Wait()
		close(done)
	}()
	told, last := map[string]bool{}, int64(0)
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true // and read once more
		default:
		}
		bound, err := stores[0].LastEventID(t.Context())
		if err != nil {
			t.Error(err)
		}
		for found := []verdict.Transaction{{}}; len(found) > 0; {
			if found, err = stores[0].Settled(t.Context(), nil, last, 7); err != nil {
				t.Error(err)
			}
			for _, settled := range found {
				if settled.EventID <= last {
					t.Errorf("event id %d after %d", settled.EventID, last)
				}
				told[settled.ID], last = true, settled.EventID
			}
		}
		if ended && last > bound {
			t.Errorf("event id %d is above the last, %d", last, bound)
		}
	}
	if want := instances * owners * each; len(told) != want {
		t.Errorf("told %d of %d verdicts", len(told), want)
	}
}

func TestAKeyIsCreatedByOneInstance(t *testing.T) {
	const keys = 100
	stores := openMany(t)
	var mu sync.Mutex
	events := map[int64]bool{}
	var creating sync.WaitGroup
	for n := range keys {
		for i, s := range stores {
			creating.Go(func() {
				given := transaction(fmt.Sprint("key ", n))
				given.ID += fmt.Sprint(" by ", i)
				stored, created, err := s.Create(t.Context(), given)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || stored.Key != given.Key || created && events[stored.EventID] {
					t.Errorf("created %v %s with event id %d, error %v", created, stored.Key, stored.EventID, err)
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
	last, err := stores[0].LastEventID(t.Context())
	same(t, "numbers drawn", last, err, int64(keys))
}

func TestACommandIsClaimedByOneInstance(t *testing.T) {
	const commands = 150
	stores := openMany(t)
	var working sync.WaitGroup
	for n := range commands {
		working.Go(func() { create(t, stores[n%instances], fmt.Sprint("command ", n)) })
	}
	working.Wait()
	var mu sync.Mutex
	claimed := map[string]int{}
	due := time.Now().Add(time.Hour)
	for i := range 3 * instances {
		working.Go(func() {
			for {
				found, err := stores[i%instances].ClaimDue(t.Context(), submits, due, 7)
				if err != nil {
					t.Errorf("claim: %v", err)
				}
				mu.Lock()
				for _, command := range found {
					claimed[command.Transaction]++
				}
				all := len(claimed) == commands
				mu.Unlock()
				if err != nil || all {
					return // none may also mean that another was about to claim the rest
				}
			}
		})
	}
	working.Wait()
	for name, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed by %d", name, n)
		}
	}
}

func TestAVersionIsReplacedByOneInstance(t *testing.T) {
	const versions = 40
	stores := openMany(t)
	create(t, stores[0], "one")
	var wins [versions + 2]atomic.Int64
	var replacing sync.WaitGroup
	for i := range 2 * instances {
		replacing.Go(func() {
			for {
				state, err := stores[i%instances].Transaction(t.Context(), "one")
				if err != nil || state.Version > versions {
					same(t, "read", nil, err, nil)
					return
				}
				stored, err := stores[i%instances].Replace(t.Context(), state.Postpone(time.Now()), nil)
				if err == nil {
					wins[stored.Version].Add(1)
				} else if !errors.Is(err, verdict.ErrStale) {
					t.Errorf("replace: %v", err)
					return
				}
			}
		})
	}
	replacing.Wait()
	for version := 2; version <= versions+1; version++ {
		if n := wins[version].Load(); n != 1 {
			t.Errorf("version %d was won by %d", version, n)
		}
	}
}

func TestTurnsAreThoseOfAllInstances(t *testing.T) {
	const checks, turns = 40, 10
	stores := openMany(t)
	budget := verdict.Budget{Limit: turns, Window: time.Minute, Burst: turns}
	now := time.Now()
	var given atomic.Int64
	var asking sync.WaitGroup
	for n := range checks {
		state := create(t, stores[0], fmt.Sprint("check ", n))
		asking.Go(func() {
			_, _, err := stores[n%instances].Ask(t.Context(), state.Ask(now), budget, now)
			if _, paced := errors.AsType[*verdict.PacedError](err); err != nil && !paced {
				t.Errorf("ask: %v", err)
			}
			if err == nil {
				given.Add(1)
			}
		})
	}
	asking.Wait()
	if n := given.Load(); n != turns {
		t.Errorf("%d checks had a turn, want %d", n, turns)
	}
}

func TestANameIsSpentOnceByAllInstances(t *testing.T) {
	const names, spenders = 200, 9
	stores := openMany(t)
	until := time.Now().Add(time.Hour)
	var firsts [names]atomic.Int64
	var spending sync.WaitGroup
	for i := range spenders {
		spending.Go(func() {
			for n := range names {
				first, err := stores[i%instances].Spend(t.Context(), fmt.Sprint("name ", n), until)
				if err != nil {
					t.Errorf("spend: %v", err)
				}
				if first {
					firsts[n].Add(1)
				}
			}
		})
	}
	spending.Wait()
	for n := range firsts {
		if got := firsts[n].Load(); got != 1 {
			t.Errorf("%d were the first to spend name %d", got, n)
		}
	}
}

func TestSpentNamesAreForgottenBitByBitWhenNoClockCanTakeThemForNew(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	run(t, url, fmt.Sprintf("INSERT INTO spent SELECT ('old ' || n)::bytea, %d FROM generate_series(1, %d) n",
		time.Now().Add(-clocks).UnixNano(), 2*forgetLimit+1))
	run(t, url, fmt.Sprintf("INSERT INTO spent VALUES ('recent', %d)", time.Now().Add(time.Minute-clocks).UnixNano()))
	for n, want := range []int{forgetLimit + 3, 4, 4, 5} {
		if first, err := s.Spend(t.Context(), fmt.Sprint("new ", n), time.Now().Add(time.Hour)); !first || err != nil {
			t.Errorf("first %v, error %v", first, err)
		}
		kept, err := first(read(t.Context(), s, value[int], "SELECT count(*) FROM spent"))
		same(t, "names kept", kept, err, want)
	}
}
