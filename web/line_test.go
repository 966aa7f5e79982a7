package web

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/web/auth"
)

// tape is a wire that keeps what it is told. While it is held a send doesn't end.
type tape struct {
	held chan struct{} // nil: it isn't
	let  sync.Once     // closes held
	fail error         // of sends

	mu   sync.Mutex
	told []string
}

func (w *tape) note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, text)
}

func (w *tape) event(e verdict.Event, _ bool) []byte { return fmt.Append(nil, e.ID) }

func (w *tape) reauth(time.Time) []byte { return nil }

func (w *tape) send(texts [][]byte) error {
	if w.held != nil {
		<-w.held
	}
	for _, text := range texts {
		w.note(string(text))
	}
	return w.fail
}

func (w *tape) beat() error {
	w.note("beat")
	return nil
}

func (w *tape) end(why error, resume string, _ <-chan struct{}) {
	w.note("end: " + why.Error() + resume)
}

func (w *tape) cut() { w.release() }

func (w *tape) release() {
	if w.held != nil {
		w.let.Do(func() { close(w.held) })
	}
}

// newTapedLine returns a line that writes to a tape, and what ends its connection and waits for its end.
func newTapedLine(t *testing.T, w *world, to *tape) (l *line, hangUp func()) {
	t.Helper()
	at, err := w.server.streams.enter(auth.Principal{Anonymous: true}, "", "ws")
	if err != nil {
		t.Fatal(err)
	}
	l = w.server.newLine(to, at, time.Time{})
	connection, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		l.serve(func() { <-connection }, func() {})
	}()
	return l, func() {
		close(connection)
		<-ended
	}
}

func TestALineWritesWhatIsQueuedBeforeItEnds(t *testing.T) {
	for _, why := range []error{errStop, errExpired, errTold, errRecord} {
		synctest.Test(t, func(t *testing.T) {
			to := &tape{held: make(chan struct{})}
			l, hangUp := newTapedLine(t, newWorld(t), to)
			l.say([]byte("a"))
			synctest.Wait() // it is being written
			l.tell(verdict.Event{ID: 7})
			l.end(why)
			l.say([]byte("too late"))
			to.release()
			synctest.Wait()
			hangUp()
			if want := []string{"a", "7", "end: " + why.Error()}; !slices.Equal(to.told, want) {
				t.Errorf("wrote %q, want %q", to.told, want)
			}
		})
	}
}

func TestALineThatIsTooSlowDropsItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &tape{held: make(chan struct{})}
		l, hangUp := newTapedLine(t, newWorld(t), to)
		l.tell(verdict.Event{ID: 1})
		synctest.Wait() // it is being written
		for i := range maxQueue + 1 {
			l.tell(verdict.Event{ID: int64(2 + i)})
		}
		to.release()
		synctest.Wait()
		hangUp()
		if want := []string{"1", "end: too slow"}; !slices.Equal(to.told, want) {
			t.Errorf("wrote %q, want %q", to.told, want)
		}
	})
}

func TestWhatCouldNotBeWrittenIsNotNotedAsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l, hangUp := newTapedLine(t, w, &tape{fail: errors.New("broken pipe")})
		l.tell(verdict.Event{ID: 1, Transaction: "t", Settled: true})
		synctest.Wait()
		hangUp()
		if !w.server.notes.of("t").IsZero() || w.counted("verdict_push_verdicts_total") != 0 {
			t.Error("it is noted as told")
		}
	})
}

func TestAStreamThatBeginsWhileTheInstanceStopsIsToldToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		at, err := w.server.streams.enter(auth.Principal{Anonymous: true}, "", "ws")
		if err != nil {
			t.Fatal(err)
		}
		empty := w.server.streams.close()
		to := &tape{}
		l := w.server.newLine(to, at, time.Time{}) // its handshake has ended now
		l.serve(func() { synctest.Wait() }, func() {})
		<-empty
		if want := []string{"end: " + errStop.Error()}; !slices.Equal(to.told, want) {
			t.Errorf("wrote %q, want %q", to.told, want)
		}
	})
}

func TestOnlyAVerdictThatWasWaitedForCountsAsPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		old := w.settled(w.accept("old"), verdict.OutcomeSucceeded)
		time.Sleep(time.Hour)
		l, hangUp := newTapedLine(t, w, &tape{})
		time.Sleep(time.Second)
		awaited := w.settled(w.accept("new"), verdict.OutcomeSucceeded)
		time.Sleep(time.Second)
		l.tell(old.Event())
		l.tell(awaited.Event())
		synctest.Wait()
		hangUp()
		if n, sum := w.observed("verdict_push_delay_seconds"); n != 1 || sum != 1 {
			t.Errorf("%d delays of %v s together, want one of 1 s", n, sum)
		}
	})
}

func TestALongHistoryDoesNotHoldUpHeartbeatsAndTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 5 * pageSize {
			w.settled(w.accept(fmt.Sprint("k", i)), verdict.OutcomeSucceeded)
		}
		to := &tape{held: make(chan struct{})}
		l, hangUp := newTapedLine(t, w, to)
		verdicts, err := w.server.journals.open(t.Context(), anyone, position{told: true})
		if err != nil {
			t.Fatal(err)
		}
		l.follow(verdicts)
		time.Sleep(15 * time.Second) // a page is being written
		to.held <- struct{}{}
		synctest.Wait()
		l.end(errStop)
		to.held <- struct{}{}
		synctest.Wait()
		hangUp()
		verdicts.close()
		if want := 2*pageSize + 2; len(to.told) != want || to.told[pageSize] != "beat" {
			t.Errorf("wrote %d texts, want %d: a page, a heartbeat, the page that was begun, and the end", len(to.told), want)
		}
	})
}

func TestAClientIsHeardNoFasterThanItListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pings = 10 * maxQueue
		w := newWorld(t)
		c := w.onPipes(t)
		go func() {
			for i := range pings {
				c.say(fmt.Sprintf(`{"type":"ping","ref":"%d"}`, i))
			}
		}()
		time.Sleep(writeTimeout / 2) // and doesn't read
		for i := range pings {
			c.want(fmt.Sprintf(`{"type":"pong","ref":"%d"}`, i))
		}
	})
}

func TestChoreIsDoneOnceMoreIfCalledMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, done := make(chan bool), 0
		c := &chore{}
		c.work = func() {
			begun <- true
			done++
		}
		for range 3 {
			c.call()
		}
		synctest.Wait() // the work is under way
		for range 5 {
			c.call()
		}
		<-begun
		<-begun
		synctest.Wait()
		if done != 2 {
			t.Errorf("done %d times", done)
		}
		c.stop()
		c.call()
		synctest.Wait()
		if done != 2 {
			t.Error("done after it was stopped")
		}
	})
}

func TestNothingFollowsAMessageThatWasCutShort(t *testing.T) {
	for _, why := range []error{nil, errStop, errExpired} {
		synctest.Test(t, func(t *testing.T) {
			to := &tape{held: make(chan struct{}), fail: errors.New("i/o timeout")}
			l, hangUp := newTapedLine(t, newWorld(t), to)
			l.say([]byte("a"))
			synctest.Wait() // it is being written
			l.say([]byte("b"))
			if why != nil {
				l.end(why)
			}
			to.release()
			synctest.Wait()
			hangUp()
			if want := []string{"a", "end: " + errGone.Error()}; !slices.Equal(to.told, want) {
				t.Errorf("wrote %q, want %q", to.told, want)
			}
		})
	}
}

func TestALineIsBoundedInBytes(t *testing.T) {
	l := &line{}
	l.room.L = &l.mu
	l.writing.stop() // so nothing is taken from the queue
	l.say(make([]byte, maxQueued))
	if l.why != nil {
		t.Error("cut while there was room")
	}
	l.say([]byte("a"))
	if !errors.Is(l.why, errSlow) || l.size != 0 {
		t.Errorf("ends with %v, and %d bytes in the queue", l.why, l.size)
	}
}

func TestAConnectionThatHasEndedIsCutUnderTheWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, hangUp := newTapedLine(t, newWorld(t), &tape{held: make(chan struct{})})
		l.say([]byte("a"))
		synctest.Wait() // it is being written
		hangUp()
	})
}

func TestWhatWasToldBeforeIsNotNotedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		l, hangUp := newTapedLine(t, w, &tape{})
		l.tell(verdict.Event{ID: 1, Transaction: "old", Settled: true, Told: true})
		l.tell(verdict.Event{ID: 2, Transaction: "new", Settled: true})
		synctest.Wait()
		hangUp()
		if !w.server.notes.of("old").IsZero() || w.server.notes.of("new").IsZero() {
			t.Errorf("noted %v", w.server.notes.told)
		}
	})
}
