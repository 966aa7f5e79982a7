package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// stored is how many messages a stream has taken.
func stored(t *testing.T, s *Stream, name string) uint64 {
	t.Helper()
	stream, err := s.link.Load().js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State.LastSeq
}

// handedOut is how often a message for a consumer was handed to somebody.
func handedOut(t *testing.T, s *Stream, consumer string) uint64 {
	t.Helper()
	c, err := s.link.Load().js.Consumer(t.Context(), commandStream, consumer)
	if err != nil {
		t.Fatal(err)
	}
	return c.CachedInfo().Delivered.Consumer
}

func TestWhatIsHandedOverTogetherSharesMessages(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		handled, heard := &diary{}, &diary{}
		work(t, s, 64, handled.handle) // four a bundle
		follow(t, s, heard.hear)
		synctest.Wait()
		var events []verdict.Event
		for n := range 100 {
			events = append(events, event(n))
		}
		publish(t, s, commands(1, 50), events)
		synctest.Wait()
		if n := stored(t, s, commandStream); n != 13 || len(handled.times()) != 50 || len(handled.all()) != 50 {
			t.Errorf("50 commands took %d messages, and %d were handled; want 13, and each once", n, len(handled.all()))
		}
		if n := stored(t, s, eventStream); n != 7 || len(heard.all()) != 100 {
			t.Fatalf("100 events took %d messages, and %d were heard; want 7 and all", n, len(heard.all()))
		}
		for n, note := range heard.all() {
			if want := fmt.Sprint("t", n); note.transaction != want {
				t.Fatalf("event %d is of %s, want %s", n, note.transaction, want)
			}
		}
	})
}

func TestABundleComesAgainIfOneOfItsCommandsFails(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		work(t, s, 64, func(_ context.Context, c verdict.Command) error {
			d.add(c.Transaction)
			if c.Transaction == "t2" && d.times()["t2"] < 3 {
				return errors.New("the database is away")
			}
			return nil
		})
		synctest.Wait()
		publish(t, s, commands(1, 8), nil)
		time.Sleep(time.Minute)
		for n := 1; n <= 8; n++ {
			want := 1
			if n <= 4 {
				want = 3
			}
			if times := d.times()[fmt.Sprint("t", n)]; times != want {
				t.Errorf("t%d was handled %d times, want %d", n, times, want)
			}
		}
	})
}

// Its publisher carries out more at once, and bundles accordingly.
func TestABundleThatIsLargerThanAWorkersKeepsToItsLimit(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		large := join(t, first)
		large.bundles.Store(commandPrefix+"djamo.submit", maxBundle)
		for _, limit := range []int{3, 40} {
			var running, most, all atomic.Int64
			stop := work(t, first, limit, func(context.Context, verdict.Command) error {
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(100 * time.Millisecond)
				running.Add(-1)
				all.Add(1)
				return nil
			})
			synctest.Wait()
			publish(t, large, commands(1, 200), nil)
			time.Sleep(20 * time.Second)
			if all.Load() != 200 || most.Load() != int64(limit) {
				t.Errorf("handled %d, %d at once; want 200, %d at once", all.Load(), most.Load(), limit)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestABusyInstanceUsesItsLastSlotsAndLeavesTheRestToOthers(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		busy, idle := &diary{}, &diary{}
		work(t, first, 64, func(_ context.Context, c verdict.Command) error { // four a bundle
			busy.add(c.Transaction)
			time.Sleep(2 * verdict.Lease)
			return nil
		})
		synctest.Wait()
		publish(t, first, commands(1, 61), nil)
		synctest.Wait()
		publish(t, first, commands(62, 65), nil) // three slots are left for these
		time.Sleep(2 * fetchWait)
		if begun := len(busy.all()); begun != 64 {
			t.Errorf("%d of 64 slots are used", begun)
		}
		work(t, join(t, first), 1, idle.handle)
		synctest.Wait()
		publish(t, first, commands(101, 130), nil)
		time.Sleep(3 * verdict.Lease)
		if times := busy.times(); len(times) != 65 || len(busy.all()) != 65 || times["t65"] != 1 || len(idle.all()) != 30 {
			t.Fatalf("the busy instance began %d of 65, %d times, and the idle one %d of 30", len(times), len(busy.all()), len(idle.all()))
		}
	})
}

// Its publisher's bundles are larger than this one knew when it asked for several. Some slots are left, but too few for another.
func TestWhatAWorkerCannotBeginIsGivenBackToOthers(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		large := join(t, first)
		large.bundles.Store(commandPrefix+"djamo.submit", 4)
		busy, idle := &diary{}, &diary{}
		work(t, first, 6, func(_ context.Context, c verdict.Command) error {
			busy.add(c.Transaction)
			time.Sleep(verdict.Lease)
			return nil
		})
		synctest.Wait()
		publish(t, large, commands(1, 16), nil)
		synctest.Wait()
		work(t, join(t, first), 16, idle.handle)
		time.Sleep(time.Second)
		if len(busy.all()) != 6 || len(idle.all()) != 8 { // and two wait here
			t.Fatalf("the busy instance began %d, and the idle one was handed %d; want 6 and 8", len(busy.all()), len(idle.all()))
		}
	})
}

func TestWhatIsLeftOfALargeBundleIsGivenBackWhenItsWorkerStops(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		large := join(t, first)
		large.bundles.Store(commandPrefix+"djamo.submit", maxBundle)
		begun, handled := &diary{}, &diary{}
		stop := work(t, first, 3, func(_ context.Context, c verdict.Command) error {
			begun.add(c.Transaction)
			time.Sleep(10 * time.Second)
			return nil
		})
		synctest.Wait()
		publish(t, large, commands(1, maxBundle), nil)
		time.Sleep(5 * time.Second)
		stopping := time.Now()
		if err := stop(); err != nil || time.Since(stopping) > 10*time.Second {
			t.Errorf("stopped after %s: %v", time.Since(stopping), err)
		}
		work(t, join(t, first), 8, handled.handle)
		time.Sleep(10 * time.Second)
		if len(begun.all()) != 3 || len(handled.times()) != maxBundle {
			t.Fatalf("began %d, and the other instance was handed %d; want 3 and all %d", len(begun.all()), len(handled.times()), maxBundle)
		}
	})
}

func TestAWorkerAsksForNoMoreThanItCanBegin(t *testing.T) {
	for _, c := range []struct {
		bundle int    // of the publisher; the worker expects four
		want   uint64 // how often the messages may be handed out: one request more than needed, until one shows how large they are
	}{
		{4, 64},
		{32, 16 + 6},
	} {
		bubble(t, func(t *testing.T, dir string) {
			first := open(t, Config{Dir: dir})
			large := join(t, first)
			large.bundles.Store(commandPrefix+"djamo.submit", c.bundle)
			d := &diary{}
			work(t, first, 64, func(ctx context.Context, command verdict.Command) error {
				time.Sleep(100 * time.Millisecond)
				return d.handle(ctx, command)
			})
			synctest.Wait()
			publish(t, large, commands(1, 256), nil)
			time.Sleep(10 * time.Second)
			if n := handedOut(t, first, "submit-djamo"); n > c.want || len(d.times()) != 256 {
				t.Errorf("bundles of %d were handed out %d times for %d commands; want %d for 256", c.bundle, n, len(d.times()), c.want)
			}
		})
	}
}
