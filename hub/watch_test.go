package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// watcher remembers what it was told is watched, and when.
type watcher struct {
	begin  time.Time
	answer func(transaction string) (done bool, err error) // nil: never done

	mu   sync.Mutex
	told []string
}

func (w *watcher) watch(_ context.Context, transaction string) (bool, error) {
	w.mu.Lock()
	w.told = append(w.told, fmt.Sprint(transaction, " ", time.Since(w.begin)))
	w.mu.Unlock()
	if w.answer == nil {
		return false, nil
	}
	return w.answer(transaction)
}

// heard checks what was told by now, in any order.
func (w *watcher) heard(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	got := slices.Sorted(slices.Values(w.told))
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("told of %q, want %q", got, want)
	}
}

// watching gives f a running hub that tells a watcher, in virtual time.
func watching(t *testing.T, f func(t *testing.T, h *Hub, w *watcher)) {
	synctest.Test(t, func(t *testing.T) {
		w := &watcher{begin: time.Now()}
		h := New(&record{}, w.watch, slog.New(slog.DiscardHandler))
		run(t, h)
		synctest.Wait()
		f(t, h, w)
	})
}

func (h *Hub) listen(transaction string) (cancel func()) {
	return h.Subscribe(verdict.Topic{Audience: ama, Transaction: transaction}, func(verdict.Event) {})
}

// toReport is how many transactions are to be reported.
func (h *Hub) toReport() int {
	h.watched.mu.Lock()
	defer h.watched.mu.Unlock()
	return len(h.watched.due)
}

func TestAWatchedTransactionIsReportedAfterEverLongerPauses(t *testing.T) {
	watching(t, func(t *testing.T, h *Hub, w *watcher) {
		defer h.listen("t1")()
		time.Sleep(1900 * time.Millisecond)
		w.heard(t)
		defer h.listen("t1")() // another subscriber
		time.Sleep(time.Hour)
		w.heard(t, "t1 2s", "t1 6s", "t1 14s", "t1 30s", "t1 1m2s")
		if n := h.toReport(); n != 0 {
			t.Errorf("%d are still to be reported", n)
		}
	})
}

func TestATransactionIsReportedUntilItIsDone(t *testing.T) {
	watching(t, func(t *testing.T, h *Hub, w *watcher) {
		w.answer = func(string) (bool, error) { return time.Since(w.begin) > 5*time.Second, nil }
		defer h.listen("t1")()
		time.Sleep(time.Minute)
		w.heard(t, "t1 2s", "t1 6s")
		defer h.listen("t1")() // a subscriber anew
		time.Sleep(time.Minute)
		w.heard(t, "t1 2s", "t1 6s", "t1 1m2s")
	})
}

func TestOnlyWhatHasASubscriberIsReported(t *testing.T) {
	watching(t, func(t *testing.T, h *Hub, w *watcher) {
		h.listen("left")()
		one, other := h.listen("shared"), h.listen("shared")
		defer h.Subscribe(verdict.Topic{Audience: ama}, func(verdict.Event) {})() // no transaction
		one()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := h.toReport(); n != 1 {
			t.Errorf("%d are to be reported again", n)
		}
		other()
		time.Sleep(time.Minute)
		w.heard(t, "shared 2s")
		if n := h.toReport(); n != 0 {
			t.Errorf("%d are still to be reported", n)
		}
	})
}

func TestAReportThatFailedIsMadeAgain(t *testing.T) {
	watching(t, func(t *testing.T, h *Hub, w *watcher) {
		w.answer = func(string) (bool, error) {
			if time.Since(w.begin) < 5*time.Second {
				return false, errors.New("the disk is full")
			}
			return true, nil
		}
		defer h.listen("t1")()
		time.Sleep(time.Minute)
		w.heard(t, "t1 2s", "t1 6s")
	})
}

func TestWhatIsToBeReportedIsBounded(t *testing.T) {
	watching(t, func(t *testing.T, h *Hub, w *watcher) {
		for n := range maxWatched + 10 {
			h.listen(fmt.Sprint("t", n))()
		}
		if n := h.toReport(); n != maxWatched {
			t.Errorf("%d are to be reported, want %d at most", n, maxWatched)
		}
		time.Sleep(3 * time.Second)
		w.heard(t)
		if n := h.toReport(); n != 0 {
			t.Errorf("%d are still to be reported when all have left", n)
		}
	})
}

func TestNobodyWantsToKnow(t *testing.T) {
	h := newHub(&record{})
	defer h.listen("t1")()
	if n := h.toReport(); n != 0 {
		t.Errorf("%d are to be reported", n)
	}
}

// A watcher that hangs delays what the record brings and doesn't end it.
func TestAReportThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, e := &record{}, &ear{}
		h := New(r, func(ctx context.Context, _ string) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}, slog.New(slog.DiscardHandler))
		run(t, h)
		for n := range 3 {
			defer h.listen(fmt.Sprint("hangs", n))()
		}
		defer h.Subscribe(verdict.Topic{Audience: ama}, e.deliver)()
		synctest.Wait()
		time.Sleep(compareEvery)
		synctest.Wait()
		r.settle(ama) // lost by the stream
		time.Sleep(readTimeout + compareEvery)
		synctest.Wait()
		if got := e.ids(); !slices.Equal(got, []int64{1}) {
			t.Errorf("heard %v, want 1 from the record", got)
		}
	})
}
