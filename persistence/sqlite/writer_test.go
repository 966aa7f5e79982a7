package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"verdict"
)

// hold has the writer wait inside a commit until release is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	var calling sync.WaitGroup
	calling.Go(func() {
		if _, err := write(t.Context(), s.queue.Wait, func(*commit) (int, error) {
			close(held)
			<-free
			return 0, nil
		}); err != nil {
			t.Errorf("hold the writer: %v", err)
		}
	})
	<-held
	return func() {
		close(free)
		calling.Wait()
	}
}

// queued starts a call and waits until it is the n-th in the queue.
func queued(t *testing.T, s *Store, n int, call func()) {
	t.Helper()
	go call()
	waitFor(t, "a call in the queue", func() bool { return len(s.queue.Waiting()) == n })
}

func TestWhatWaitsIsCommittedTogether(t *testing.T) {
	for _, test := range []struct{ waiting, commits int }{
		{1, 1}, {100, 1}, {batchSize, 1}, {batchSize + 1, 2}, {newSize, newSize / batchSize},
	} {
		t.Run(fmt.Sprint(test.waiting), func(t *testing.T) {
			s := openAt(t, newPath(t))
			release := hold(t, s)
			var calling sync.WaitGroup
			for i := range test.waiting {
				calling.Go(func() { create(t, s, fmt.Sprint("transaction ", i)) })
			}
			waitFor(t, "all in the queue", func() bool { return len(s.queue.Waiting()) == test.waiting })
			release()
			calling.Wait()
			commits, operations := s.Stats()
			if int(commits) != 1+test.commits || int(operations) != 1+test.waiting {
				t.Errorf("%d operations in %d commits, want %d in %d", operations, commits, 1+test.waiting, 1+test.commits)
			}
		})
	}
}

func TestNewRequestsAreRefusedBeforeAnythingIsStoredIfTheyFindNoPlace(t *testing.T) {
	s := openAt(t, newPath(t))
	release := hold(t, s)
	var calling sync.WaitGroup
	for i := range newSize {
		calling.Go(func() { create(t, s, fmt.Sprint("accepted ", i)) })
	}
	waitFor(t, "all places taken", func() bool { return len(s.queue.Waiting()) == newSize })
	began := time.Now()
	if _, _, err := s.Create(t.Context(), transaction("refused")); !errors.Is(err, verdict.ErrOverloaded) || time.Since(began) < time.Second {
		t.Errorf("after %s error %v, want ErrOverloaded after a second", time.Since(began), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Spend(ctx, "refused", time.Now().Add(time.Hour)); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("spend: error %v, want a deadline exceeded, and certain", err)
	}
	for i := range queueSize - newSize { // of what isn't new
		calling.Go(func() {
			if err := s.Park(t.Context(), verdict.Webhook{Transaction: fmt.Sprint(i)}); err != nil {
				t.Errorf("park: %v", err)
			}
		})
	}
	waitFor(t, "a full queue", func() bool { return len(s.queue.Waiting()) == queueSize })
	for what, call := range map[string]func(context.Context) error{ // not new: they wait for their turn as long as their callers do
		"park":    func(ctx context.Context) error { return s.Park(ctx, verdict.Webhook{}) },
		"deliver": func(ctx context.Context) error { return s.Deliver(ctx, nil) },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := call(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, verdict.ErrUncertain) || errors.Is(err, verdict.ErrOverloaded) {
			t.Errorf("%s: error %v, want a deadline exceeded, and certain", what, err)
		}
	}
	release()
	calling.Wait()
	stands(t, s, "refused", false)
	create(t, s, "refused") // a little later
}

func TestACallerThatGivesUpBeforeItsTurnHasStoredNothing(t *testing.T) {
	s := openAt(t, newPath(t))
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	queued(t, s, 1, func() {
		_, _, err := s.Create(ctx, transaction("withdrawn"))
		answer <- err
	})
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) || errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("error %v, want canceled and nothing uncertain", err)
	}
	release()
	create(t, s, "the next")
	stands(t, s, "withdrawn", false)
}

func TestACallerThatGivesUpDuringItsTurnIsUncertain(t *testing.T) {
	s := openAt(t, newPath(t))
	release := abandon(t, s, "uncertain")
	release()
	create(t, s, "the next")
	stands(t, s, "uncertain", true)
}

// abandon has a caller create a transaction and give up while the writer is at it, which goes on when release is called.
func abandon(t *testing.T, s *Store, name string) (release func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begun, free, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := write(ctx, s.queue.Shed, func(c *commit) (created, error) {
			close(begun)
			<-free
			return c.create(transaction(name))
		})
		answer <- err
	}()
	<-begun
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) || !errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("error %v, want canceled and uncertain", err)
	}
	return func() { close(free) }
}

func TestCloseWaitsForAChangeWhoseCallerHasGivenUp(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	release := abandon(t, s, "given up")
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	waitFor(t, "refused calls", func() bool {
		_, err := s.LastEventID(t.Context())
		return errors.Is(err, ErrClosed)
	})
	release()
	if err := <-closed; err != nil {
		t.Errorf("close: %v", err)
	}
	stands(t, openAt(t, path), "given up", true)
}

func TestABusinessOutcomeDoesNotFailTheOthersOfItsCommit(t *testing.T) {
	s := openAt(t, newPath(t))
	first := create(t, s, "first")
	release := hold(t, s)
	var calling sync.WaitGroup
	for _, call := range []func(){
		func() {
			if got, created, err := s.Create(t.Context(), transaction("first")); created || err != nil || got.ID != "first" {
				t.Errorf("taken scope: got %s, created %v, error %v", got.ID, created, err)
			}
		},
		func() {
			other := transaction("another")
			other.ID = "first"
			if _, _, err := s.Create(t.Context(), other); !errors.Is(err, errIDTaken) {
				t.Errorf("taken id: error %v", err)
			}
		},
		func() {
			if _, err := s.Replace(t.Context(), first, nil); !errors.Is(err, verdict.ErrStale) {
				t.Errorf("stale: error %v", err)
			}
		},
		func() {
			if _, _, err := s.Ask(t.Context(), first, verdict.Budget{}, time.Now()); !errors.Is(err, verdict.ErrStale) {
				t.Errorf("stale: error %v", err)
			}
		},
		func() {
			if err := s.Record(t.Context(), "nobody", verdict.Evidence{}); !errors.Is(err, verdict.ErrNotFound) {
				t.Errorf("unknown: error %v", err)
			}
		},
		func() { create(t, s, "new") },
	} {
		calling.Go(call)
	}
	waitFor(t, "all in the queue", func() bool { return len(s.queue.Waiting()) == 6 })
	release()
	calling.Wait()
	if commits, _ := s.Stats(); commits != 3 {
		t.Errorf("%d commits, want that of first, the one held, and one for all", commits)
	}
	stands(t, s, "new", true)
}

func TestAFullDiskFailsTheWholeCommitAndNothingIsStored(t *testing.T) {
	s := openAt(t, newPath(t))
	create(t, s, "before")
	limitPages(t, s, 1) // no more than it has
	release := hold(t, s)
	big := transaction("big")
	big.Payload = make([]byte, verdict.MaxPayload)
	answers := make(chan error, 2)
	for i, given := range []verdict.Transaction{transaction("small"), big} {
		queued(t, s, i+1, func() {
			_, _, err := s.Create(t.Context(), given)
			answers <- err
		})
	}
	release()
	for range 2 {
		if err := <-answers; !isCode(err, sqlite3.ErrFull) || errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("error %v, want full, and certain", err)
		}
	}
	stands(t, s, "small", false)
	stands(t, s, "big", false)
	limitPages(t, s, 1<<30)
	if after := create(t, s, "after"); after.EventID != 2 {
		t.Errorf("event id %d after a commit that failed, want 2", after.EventID)
	}
}

func TestAStatementThatFailsFailsTheWholeCommit(t *testing.T) {
	s := openAt(t, newPath(t))
	release := hold(t, s)
	answers := make(chan error, 2)
	queued(t, s, 1, func() {
		_, _, err := s.Create(t.Context(), transaction("before it"))
		answers <- err
	})
	queued(t, s, 2, func() { answers <- s.change(t.Context(), "INSERT INTO meta (id, event, secret) VALUES (2, 0, '')") })
	release()
	for range 2 {
		if err := <-answers; !isCode(err, sqlite3.ErrConstraint) || errors.Is(err, verdict.ErrUncertain) {
			t.Errorf("error %v, want the constraint's, and certain", err)
		}
	}
	stands(t, s, "before it", false)
	create(t, s, "after")
}

func limitPages(t *testing.T, s *Store, pages int) {
	t.Helper()
	var limit int
	if err := s.conn.QueryRowContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&limit); err != nil {
		t.Fatal(err)
	}
}

func TestAnErrorOfTheCommitItselfIsUncertain(t *testing.T) {
	s := openAt(t, newPath(t))
	onCommit(t, s, func() int { return 1 })
	if _, _, err := s.Create(t.Context(), transaction("uncertain")); !errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("error %v, want ErrUncertain", err)
	}
	onCommit(t, s, nil)
	create(t, s, "after")
}

// onCommit has SQLite ask before each commit; a 1 makes the commit fail.
func onCommit(t *testing.T, s *Store, ask func() int) {
	t.Helper()
	if err := s.conn.Raw(func(driver any) error {
		driver.(*sqlite3.SQLiteConn).RegisterCommitHook(ask)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestAnIdleStoreWritesNothing(t *testing.T) {
	s := openAt(t, newPath(t))
	given := create(t, s, "one")
	_, before := s.Stats()
	for range 3 {
		if found, err := s.ClaimDue(t.Context(), submits, given.Due, 10); len(found) != 0 || err != nil {
			t.Errorf("claimed %v, error %v", found, err)
		}
		if _, err := s.Parked(t.Context(), 10); err != nil {
			t.Error(err)
		}
	}
	if _, after := s.Stats(); after != before {
		t.Errorf("the writer had %d operations", after-before)
	}
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	release := hold(t, s)
	var calling, closing sync.WaitGroup
	for i := range 50 {
		calling.Go(func() { create(t, s, fmt.Sprint("queued ", i)) })
	}
	waitFor(t, "all in the queue", func() bool { return len(s.queue.Waiting()) == 50 })
	closing.Go(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	release()
	calling.Wait()
	closing.Wait()
	if _, _, err := s.Create(t.Context(), transaction("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
	s = openAt(t, path)
	for i := range 50 {
		stands(t, s, fmt.Sprint("queued ", i), true)
	}
}
