package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"verdict"
)

// numbers reads a journal until nothing follows.
func numbers(t *testing.T, r *reader) []int64 {
	t.Helper()
	var list []int64
	for {
		events, err := r.next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return list
		}
		for _, e := range events {
			list = append(list, e.ID)
		}
	}
}

func TestJournalKeepsTheOrderOfTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.mute()
		r, err := w.server.journals.open(t.Context(), anyone, position{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		first := w.settled(w.accept("k1"), verdict.OutcomeSucceeded)
		second := w.settled(w.accept("k2"), verdict.OutcomeFailed)
		w.feed.tell(second.Event()) // the stream may reorder, and repeat
		synctest.Wait()
		if got, want := fmt.Sprint(numbers(t, r)), fmt.Sprint([]int64{first.EventID, second.EventID}); got != want {
			t.Errorf("read %s, want %s", got, want)
		}
		w.feed.tell(first.Event())
		w.feed.tell(second.Event())
		synctest.Wait()
		if got := numbers(t, r); len(got) > 0 {
			t.Errorf("read again: %v", got)
		}
	})
}

func TestReaderThatFellBehindReadsTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow, err := w.server.journals.open(t.Context(), anyone, position{})
		if err != nil {
			t.Fatal(err)
		}
		defer slow.close()
		var want []int64
		for i := range 2*journalSize + pageSize/2 {
			want = append(want, w.settled(w.accept(fmt.Sprint("k", i)), verdict.OutcomeSucceeded).EventID)
			if i%100 == 0 {
				w.acceptFor(verdict.Audience{Tenant: "else"}, fmt.Sprint("k", i)) // numbers that aren't ours
			}
			synctest.Wait()
		}
		if kept := len(slow.journal.recent); kept > journalSize {
			t.Errorf("%d verdicts in memory, want at most %d", kept, journalSize)
		}
		if got := numbers(t, slow); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read %d verdicts, want %d", len(got), len(want))
		}
	})
}

func TestJournalIsReadOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var readers []*reader
		for range 100 {
			r, err := w.server.journals.open(t.Context(), anyone, position{})
			if err != nil {
				t.Fatal(err)
			}
			readers = append(readers, r)
		}
		synctest.Wait()
		before := w.store.count("Settled")
		w.settled(w.accept("k1"), verdict.OutcomeSucceeded)
		synctest.Wait()
		for _, r := range readers {
			if got := numbers(t, r); len(got) != 1 {
				t.Errorf("read %v", got)
			}
			r.close()
		}
		if reads := w.store.count("Settled") - before; reads != 1 {
			t.Errorf("one verdict was read %d times", reads)
		}
		if w.feed.subscribers() != 0 {
			t.Error("the journal outlives its readers")
		}
	})
}

// What follows the last verdict is taken as it is told; what doesn't has the record read.
func TestJournalReadsTheRecordOnlyForAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, err := w.server.journals.open(t.Context(), anyone, position{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		first := w.settled(w.accept("k1"), verdict.OutcomeSucceeded)
		synctest.Wait()
		before := w.store.count("Settled")
		second := w.settled(w.accept("k2"), verdict.OutcomeSucceeded)
		synctest.Wait()
		if reads := w.store.count("Settled") - before; reads != 0 {
			t.Errorf("it was read %d times", reads)
		}
		w.mute()
		third := w.settled(w.accept("k3"), verdict.OutcomeSucceeded)
		fourth := w.settled(w.accept("k4"), verdict.OutcomeSucceeded)
		for _, late := range []struct{ it, before verdict.Transaction }{{fourth, third}, {third, second}} {
			e := late.it.Event()
			e.Follows = late.before.EventID
			w.feed.tell(e)
			synctest.Wait()
		}
		want := []int64{first.EventID, second.EventID, third.EventID, fourth.EventID}
		if got := numbers(t, r); !slices.Equal(got, want) {
			t.Errorf("read %d, want %d", got, want)
		}
	})
}

func TestJournalReadsOnAfterTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r, err := w.server.journals.open(t.Context(), anyone, position{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		synctest.Wait()
		w.mute()
		settled := w.settled(w.accept("k1"), verdict.OutcomeSucceeded)
		w.store.fail(errors.New("disk i/o error"))
		w.feed.tell(settled.Event())
		synctest.Wait()
		w.store.fail(nil)
		more := make(chan bool, 2)
		r.attend(func() { more <- true })
		<-more
		<-more // in virtual time, without another word from the feed
		if got := numbers(t, r); len(got) != 1 {
			t.Errorf("read %v", got)
		}
	})
}

// tellAfterRead settles a transaction just after the position was read, and tells it before the journal has begun.
type tellAfterRead struct {
	Store
	world   *world
	pending verdict.Transaction
}

func (s tellAfterRead) LastEventID(ctx context.Context) (int64, error) {
	last, err := s.Store.LastEventID(ctx)
	s.world.settled(s.pending, verdict.OutcomeSucceeded)
	synctest.Wait()
	return last, err
}

func TestVerdictToldWhileTheJournalBeginsIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		js := newJournals(tellAfterRead{w.store, w, w.accept("k1")}, w.feed, w.server.log)
		r, err := js.open(t.Context(), anyone, position{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		synctest.Wait()
		if got := numbers(t, r); len(got) != 1 {
			t.Errorf("read %v", got)
		}
	})
}

// Whatever the feed loses, repeats and reorders, whether it says what a verdict follows or not, whenever readers come and
// go, however slow the record is and whatever it forgets: each reader reads what is on record from where it began, in order.
func TestEachReaderReadsTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(2 * journalPause)                    // for what a run that failed has left
		rapid.Check(struct{ rapid.TB }{t}, func(t *rapid.T) { // it would ask a *testing.T for its deadline, and a bubble knows none
			s, f := &book{}, &feed{subs: map[int]subscriber{}}
			defer s.setAway(false)
			js := newJournals(s, f, slog.New(slog.DiscardHandler))
			var sent []verdict.Event
			told := map[int64]bool{}
			opened := make(chan *reader, 1024)
			var readers []*reader
			at := map[*reader]int64{}
			read := func(t *rapid.T, r *reader) (n int) {
				events, _ := r.next(context.Background())
				for _, e := range events {
					if e.ID <= at[r] || s.between(at[r], e.ID) > 0 {
						t.Fatalf("read %d after %d", e.ID, at[r])
					}
					at[r] = e.ID
				}
				return len(events)
			}
			pass := func(d time.Duration) {
				time.Sleep(d)
				synctest.Wait()
				for len(opened) > 0 {
					r := <-opened
					readers, at[r] = append(readers, r), r.start
				}
			}
			pick := func(t *rapid.T) int {
				if len(readers) == 0 {
					t.Skip("nobody reads")
				}
				return rapid.IntRange(0, len(readers)-1).Draw(t, "reader")
			}
			t.Repeat(map[string]func(*rapid.T){
				"settle": func(t *rapid.T) { sent = append(sent, s.settle(rapid.Int64Range(1, 3).Draw(t, "number"))) },
				"settle many": func(t *rapid.T) {
					for range rapid.IntRange(1, journalSize).Draw(t, "verdicts") {
						sent = append(sent, s.settle(1))
					}
				},
				"tell": func(t *rapid.T) {
					if len(sent) == 0 {
						t.Skip("nothing to tell")
					}
					e := sent[len(sent)-1-rapid.IntRange(0, min(len(sent), 5)-1).Draw(t, "of the last")]
					if rapid.Bool().Draw(t, "without what it follows") { // as from the record, and from releases that don't know it
						e.Follows = 0
					}
					told[e.ID] = true
					f.tell(e)
				},
				"join": func(t *rapid.T) {
					p := position{told: rapid.Bool().Draw(t, "resumes"), after: rapid.Int64Range(0, s.last).Draw(t, "after")}
					go func() {
						r, _ := js.open(context.Background(), anyone, p)
						opened <- r
					}()
				},
				"leave": func(t *rapid.T) {
					n := pick(t)
					readers[n].close()
					readers = slices.Delete(readers, n, n+1)
				},
				"read":   func(t *rapid.T) { read(t, readers[pick(t)]) },
				"wait":   func(t *rapid.T) { pass(time.Duration(rapid.IntRange(1, 5).Draw(t, "ms")) * time.Millisecond) },
				"forget": func(t *rapid.T) { s.forget(rapid.IntRange(1, 5).Draw(t, "verdicts")) },
				"away":   func(t *rapid.T) { s.setAway(rapid.Bool().Draw(t, "away")) },
			})
			s.setAway(false)
			for _, e := range sent {
				if e.Follows = 0; !told[e.ID] { // as the hub does
					f.tell(e)
				}
			}
			pass(2 * journalPause)
			for _, r := range readers {
				for read(t, r) > 0 {
				}
				if s.between(at[r], math.MaxInt64) > 0 {
					t.Fatalf("read nothing after %d", at[r])
				}
				r.close()
			}
			if f.subscribers() != 0 {
				t.Fatal("a journal outlives its readers")
			}
		})
	})
}

// A book is a record of the verdicts of one audience, whose answers are a little old when they come.
type book struct {
	Store
	mu       sync.Mutex
	last     int64
	verdicts []verdict.Transaction
	away     bool
}

// settle puts a verdict on record, so many numbers after the last one, and returns its event.
func (s *book) settle(numbers int64) verdict.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last += numbers
	t := verdict.Transaction{
		Scope: verdict.Scope{Tenant: anyone.Tenant, Owner: anyone.Owner}, EventID: s.last, Stage: verdict.StageSettled,
	}
	e := t.Event()
	if before := len(s.verdicts); before > 0 {
		e.Follows = s.verdicts[before-1].EventID
	}
	s.verdicts = append(s.verdicts, t)
	return e
}

// forget removes the oldest.
func (s *book) forget(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdicts = s.verdicts[min(n, len(s.verdicts)):]
}

func (s *book) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// between returns how many lie between two numbers.
func (s *book) between(after, below int64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index(below-1) - s.index(after)
}

// index returns where the verdicts after a number begin. s.mu is held.
func (s *book) index(after int64) int {
	i, _ := slices.BinarySearchFunc(s.verdicts, after+1, func(t verdict.Transaction, id int64) int { return cmp.Compare(t.EventID, id) })
	return i
}

func (s *book) Settled(_ context.Context, _ *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	defer time.Sleep(3 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errors.New("the database is away")
	}
	rest := s.verdicts[s.index(after):]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (s *book) LastEventID(context.Context) (int64, error) {
	defer time.Sleep(2 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, nil
}
