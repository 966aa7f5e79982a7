package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

// hold has the writer wait before it sends a commit until release is called.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	held, free := make(chan struct{}), make(chan struct{})
	var calling sync.WaitGroup
	calling.Go(func() {
		if _, err := write(t.Context(), s.queue.Wait, &operation{}, func(*commit, *struct{}) {
			close(held)
			<-free
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
		{1, 1}, {100, 1}, {batchSize, 1}, {batchSize + 1, 2},
	} {
		t.Run(fmt.Sprint(test.waiting), func(t *testing.T) {
			s := openAt(t, newURL(t))
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

func TestACommitSendsNoMoreThanSoManyBytes(t *testing.T) {
	s := openAt(t, newURL(t))
	release := hold(t, s)
	var calling sync.WaitGroup
	for i := range 3 {
		calling.Go(func() {
			big := transaction(fmt.Sprint("big ", i))
			big.Payload = make([]byte, batchBytes*2/5)
			if _, _, err := s.Create(t.Context(), big); err != nil {
				t.Error(err)
			}
		})
	}
	waitFor(t, "all in the queue", func() bool { return len(s.queue.Waiting()) == 3 })
	release()
	calling.Wait()
	if commits, _ := s.Stats(); commits != 3 {
		t.Errorf("%d commits, want the one held, one of two, and one of the third", commits)
	}
}

func TestNewRequestsAreRefusedBeforeAnythingIsStoredIfTheyFindNoPlace(t *testing.T) {
	s := openAt(t, newURL(t))
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
	s := openAt(t, newURL(t))
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
	s := openAt(t, newURL(t))
	ctx, cancel := context.WithCancel(t.Context())
	begun, free, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := write(ctx, s.queue.Shed, &operation{}, func(c *commit, result *created) {
			close(begun)
			<-free
			c.creations = append(c.creations, creation{transaction("uncertain"), result})
		})
		answer <- err
	}()
	<-begun
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) || !errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("error %v, want canceled and uncertain", err)
	}
	close(free)
	create(t, s, "the next")
	stands(t, s, "uncertain", true)
}

// TestRequestsOfOneScopeAreAnsweredInTheirOrder though they wait together and can't share a commit.
func TestRequestsOfOneScopeAreAnsweredInTheirOrder(t *testing.T) {
	s := openAt(t, newURL(t))
	release := hold(t, s)
	var calling sync.WaitGroup
	for i := range 5 {
		calling.Add(1)
		queued(t, s, i+1, func() {
			defer calling.Done()
			given := transaction("one")
			given.ID = fmt.Sprint("id ", i)
			stored, created, err := s.Create(t.Context(), given)
			if err != nil || created != (i == 0) || stored.ID != "id 0" {
				t.Errorf("request %d: got %s, created %v, error %v", i, stored.ID, created, err)
			}
		})
	}
	release()
	calling.Wait()
}

// TestAWithdrawnRequestHoldsUpNobody: those about the same that wait behind it have their turn.
func TestAWithdrawnRequestHoldsUpNobody(t *testing.T) {
	queue := make(chan *operation, 4)
	g := gathering{queue: queue}
	first, withdrawn, last := &operation{about: []any{1}}, &operation{about: []any{1}}, &operation{about: []any{1}}
	for _, op := range []*operation{first, withdrawn, last} {
		queue <- op
	}
	batch, ok := g.next(10)
	same(t, "the first", batch[0] == first && len(batch) == 1 && ok, nil, true)
	withdrawn.Take()
	close(queue)
	batch, ok = g.next(10)
	same(t, "the last", len(batch) == 1 && batch[0] == last && ok, nil, true)
	_, ok = g.next(10)
	same(t, "more", ok, nil, false)
}

func TestABusinessOutcomeDoesNotFailTheOthersOfItsCommit(t *testing.T) {
	s := openAt(t, newURL(t))
	first := create(t, s, "first")
	create(t, s, "second")
	release := hold(t, s)
	var calling sync.WaitGroup
	for _, call := range []func(){
		func() {
			taken := transaction("first")
			taken.ID = "other"
			if got, created, err := s.Create(t.Context(), taken); created || err != nil || got.ID != "first" {
				t.Errorf("taken scope: got %s, created %v, error %v", got.ID, created, err)
			}
		},
		func() {
			other := transaction("another")
			other.ID = "second"
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
			if err := s.Record(t.Context(), "nobody", verdict.Evidence{}); !errors.Is(err, verdict.ErrNotFound) {
				t.Errorf("unknown: error %v", err)
			}
		},
		func() { create(t, s, "new") },
	} {
		calling.Go(call)
	}
	waitFor(t, "all in the queue", func() bool { return len(s.queue.Waiting()) == 5 })
	release()
	calling.Wait()
	if commits, _ := s.Stats(); commits != 4 {
		t.Errorf("%d commits, want those of first and second, the one held, and one for all", commits)
	}
	stands(t, s, "new", true)
}

// TestWhatTheServerRefusesFailsAlone: a key that no index takes doesn't fail those that wait beside it.
func TestWhatTheServerRefusesFailsAlone(t *testing.T) {
	s := openAt(t, newURL(t))
	release := hold(t, s)
	refused := make(chan error, 1)
	var calling sync.WaitGroup
	for i := range 3 {
		calling.Go(func() { create(t, s, fmt.Sprint("neighbour ", i)) })
	}
	calling.Go(func() {
		long := transaction("long")
		for i := range 4000 { // which can't be compressed to what fits
			long.Key += string(rune(0x4e00 + i*7919%20000))
		}
		_, _, err := s.Create(t.Context(), long)
		refused <- err
	})
	waitFor(t, "all in the queue", func() bool { return len(s.queue.Waiting()) == 4 })
	release()
	calling.Wait()
	if err := <-refused; !isCode(err, "54000") || errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("error %v, want that the key is too long, and certain", err)
	}
	stands(t, s, "long", false)
	if next := create(t, s, "next"); next.EventID != 4 {
		t.Errorf("event id %d after three, want 4", next.EventID)
	}
}

func TestCloseCommitsWhatIsQueued(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
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
	s = openAt(t, url)
	for i := range 50 {
		stands(t, s, fmt.Sprint("queued ", i), true)
	}
}

// TestAnInstanceThatKeepsTheLockMeansOverload: whoever waits for it gives up, and nothing is stored.
func TestAnInstanceThatKeepsTheLockMeansOverload(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	release := lockBy(t, url)
	_, _, err := s.Create(t.Context(), transaction("refused"))
	if !errors.Is(err, verdict.ErrOverloaded) || errors.Is(err, verdict.ErrUncertain) || !strings.Contains(err.Error(), "another instance is writing") {
		t.Errorf("error %v, want ErrOverloaded, and certain", err)
	}
	release()
	stands(t, s, "refused", false)
	create(t, s, "refused")
}

// TestWhoStopsInTheMiddleOfACommitLosesTheLock, though its connection stays: its process may just be paused.
func TestWhoStopsInTheMiddleOfACommitLosesTheLock(t *testing.T) {
	url := newURL(t)
	s, paused := openAt(t, url), openAt(t, url)
	create(t, s, "before")
	begun, free, answer := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		tries := 0
		_, err := write(t.Context(), paused.queue.Wait, &operation{ask: func(c *commit) { c.askFact("before", nil) }}, func(c *commit, _ *struct{}) {
			if tries++; tries == 1 {
				close(begun)
				<-free
			}
		})
		answer <- err
	}()
	<-begun // it has the lock
	create(t, s, "meanwhile")
	close(free)
	if err := <-answer; err != nil {
		t.Errorf("the one that was paused: %v", err)
	}
}
