package stream

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

func TestACommandOfAnInstanceThatDiesGoesToAnother(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		dying := join(t, first)
		begun, dead := make(chan struct{}), make(chan struct{})
		ended := make(chan error)
		go func() {
			ended <- dying.Work(context.Background(), "djamo", verdict.Submit, 1, func(context.Context, verdict.Command) error {
				close(begun)
				<-dead
				return nil
			})
		}()
		publish(t, first, commands(1, 1), nil)
		<-begun
		taken := time.Now()
		dying.Close()
		d := &diary{}
		work(t, first, 1, d.handle)
		time.Sleep(verdict.Lease + time.Second)
		if notes := d.all(); len(notes) != 1 || notes[0].at.Sub(taken) > verdict.Lease+time.Second {
			t.Fatalf("the other instance handled %v", notes)
		}
		close(dead)
		if err := <-ended; !errors.Is(err, ErrClosed) {
			t.Fatalf("Work of the dead instance: %v", err)
		}
	})
}

func TestALongCommandIsNotHandedOutAgain(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		d := &diary{}
		long := func(ctx context.Context, c verdict.Command) error {
			d.add(c.Transaction)
			time.Sleep(35 * time.Second)
			return nil
		}
		work(t, first, 2, long)
		work(t, join(t, first), 2, long)
		publish(t, first, commands(1, 2), nil)
		time.Sleep(2 * time.Minute)
		if times := d.times(); len(times) != 2 || times["t1"] != 1 || times["t2"] != 1 {
			t.Fatalf("handled %v, want each once", times)
		}
	})
}

func TestACommandThatFailsComesAgainLaterAndLater(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		work(t, s, 1, func(_ context.Context, c verdict.Command) error {
			d.add(c.Transaction)
			if len(d.all()) < 9 {
				return errors.New("the database is away")
			}
			return nil
		})
		publish(t, s, commands(1, 1), nil)
		time.Sleep(4 * time.Minute)
		notes := d.all()
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 30}
		if len(notes) != len(want)+1 {
			t.Fatalf("handled %d times, want %d and not again once it succeeded", len(notes), len(want)+1)
		}
		for i, seconds := range want {
			got, want := notes[i+1].at.Sub(notes[i].at), seconds*time.Second
			if got < want || got > want+time.Second {
				t.Errorf("pause %d: %s, want about %s", i+1, got, want)
			}
		}
	})
}

func TestAnInstanceTakesNoMoreThanItsLimit(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		var running, most, all atomic.Int64
		work(t, first, 3, func(context.Context, verdict.Command) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(100 * time.Millisecond)
			running.Add(-1)
			all.Add(1)
			return nil
		})
		publish(t, first, commands(1, 50), nil)
		time.Sleep(3 * time.Second)
		if all.Load() != 50 || most.Load() != 3 {
			t.Fatalf("handled %d, %d at once; want 50, three at once", all.Load(), most.Load())
		}
	})
}

func TestABusyInstanceLeavesCommandsToOthers(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		work(t, first, 2, func(context.Context, verdict.Command) error {
			time.Sleep(time.Minute)
			return nil
		})
		publish(t, first, commands(1, 2), nil)
		synctest.Wait()
		d := &diary{}
		work(t, join(t, first), 1, d.handle)
		begin := time.Now()
		publish(t, first, commands(3, 10), nil)
		time.Sleep(time.Second)
		notes := d.all()
		if len(notes) != 8 || notes[7].at.Sub(begin) > 10*time.Millisecond {
			t.Fatalf("the idle instance handled %v, want all eight at once", notes)
		}
	})
}

func TestWorkStopsGracefully(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		begun, cancelled := make(chan struct{}), false
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		stopping, handled := &diary{}, &diary{}
		go func() {
			ended <- first.Work(ctx, "djamo", verdict.Submit, 8, func(ctx context.Context, c verdict.Command) error {
				stopping.add(c.Transaction)
				close(begun)
				select {
				case <-ctx.Done():
					cancelled = true
				case <-time.After(20 * time.Second):
				}
				return nil
			})
		}()
		publish(t, first, commands(1, 1), nil)
		<-begun
		work(t, join(t, first), 1, handled.handle)
		synctest.Wait()
		begin := time.Now()
		cancel()
		publish(t, first, commands(2, 5), nil) // some of these reach the one that stops
		time.Sleep(fetchWait + 100*time.Millisecond)
		if times := handled.times(); len(times) != 4 || times["t1"] != 0 {
			t.Errorf("the other instance handled %v, want 2 to 5 within a moment", times)
		}
		select {
		case err := <-ended:
			t.Fatalf("Work returned %v while a command was being carried out", err)
		default:
		}
		if err := <-ended; err != nil {
			t.Fatalf("Work: %v", err)
		}
		if took := time.Since(begin); took != 20*time.Second || cancelled {
			t.Errorf("Work returned after %s, its handler cancelled: %v; want 20s and not", took, cancelled)
		}
		time.Sleep(time.Minute)
		if times := stopping.times(); len(times) != 1 || handled.times()["t1"] != 0 {
			t.Errorf("handled %v and %v, want the first command done once and not again", times, handled.times())
		}
	})
}

func TestWhatIsNoCommandIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		work(t, s, 1, d.handle)
		js := s.link.Load().js
		if _, err := js.Publish(t.Context(), commandPrefix+"djamo.submit", []byte("no command")); err != nil {
			t.Fatal(err)
		}
		publish(t, s, commands(1, 1), nil)
		time.Sleep(time.Second)
		if times := d.times(); len(times) != 1 || times["t1"] != 1 {
			t.Fatalf("handled %v, want the command behind", times)
		}
		stream, err := js.Stream(t.Context(), commandStream)
		if err != nil {
			t.Fatal(err)
		}
		if left := stream.CachedInfo().State.Msgs; left != 0 {
			t.Fatalf("%d messages left", left)
		}
	})
}

func TestWorkRefusesWhatCannotBe(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		if err := s.Work(t.Context(), "dj.amo", verdict.Submit, 1, d.handle); err == nil {
			t.Error("a provider with a dot was accepted")
		}
		if err := s.Work(t.Context(), "djamo", verdict.Submit, 0, d.handle); err == nil {
			t.Error("a limit of zero was accepted")
		}
	})
}
