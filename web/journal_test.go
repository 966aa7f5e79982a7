package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

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
