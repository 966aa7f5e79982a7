package stream

import (
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"verdict"
)

func TestABatchOfAThousandReachesTheWorkers(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		publish(t, s, commands(1, 1000), nil)
		work(t, s, 64, d.handle)
		time.Sleep(time.Second)
		if n := len(d.times()); n != 1000 || len(d.all()) != 1000 {
			t.Fatalf("%d commands handled in %d calls, want 1000 in as many", n, len(d.all()))
		}
	})
}

func TestACommandThatFitsNoSubjectIsRefusedAndTheOthersGo(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		work(t, s, 1, d.handle)
		for _, provider := range []string{"", "a.b", "*", ">", "djamo submit", "Djamo", "djamo\r\nPUB x"} {
			bad := command(1)
			bad.Provider = provider
			err := s.Publish(t.Context(), []verdict.Command{bad, command(2)}, nil)
			if err == nil || !strings.Contains(err.Error(), "1 of 2") {
				t.Errorf("provider %q: %v, want an error for one of two", provider, err)
			}
		}
		time.Sleep(time.Second)
		if times := d.times(); len(times) != 1 || times["t2"] != 7 {
			t.Fatalf("handled %v, want the good command of each batch", times)
		}
	})
}

// More than may wait for their acks, and none of them comes.
func TestAPublishThatIsNotAnsweredHasADeadline(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		s.stop() // nothing makes the stream again
		l := s.link.Load()
		if err := l.js.DeleteStream(t.Context(), commandStream); err != nil {
			t.Fatal(err)
		}
		if _, err := l.conn.Subscribe(commandPrefix+">", func(*nats.Msg) {}); err != nil { // takes all and says nothing
			t.Fatal(err)
		}
		begin := time.Now()
		err := s.Publish(t.Context(), commands(1, 3*maxPending), nil)
		if took := time.Since(begin); err == nil || took > publishTimeout+time.Second {
			t.Fatalf("Publish returned %v after %s", err, took)
		}
	})
}

func TestEveryInstanceHearsEveryEventFromNowOn(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first := open(t, Config{Dir: dir})
		second := join(t, first)
		publish(t, first, nil, []verdict.Event{event(1)}) // nobody listens yet
		a, b := &diary{}, &diary{}
		follow(t, first, a.hear)
		follow(t, second, b.hear)
		synctest.Wait()
		publish(t, first, nil, []verdict.Event{event(2), event(3)})
		publish(t, second, nil, []verdict.Event{event(4)})
		time.Sleep(time.Minute) // and longer than any pull request lasts
		publish(t, second, nil, []verdict.Event{event(5)})
		synctest.Wait()
		for _, d := range []*diary{a, b} {
			times := d.times()
			if len(d.all()) != 4 || len(times) != 4 || times["t1"] != 0 {
				t.Errorf("heard %v, want events 2 to 5 once each", times)
			}
		}
	})
}

// Also while the server is away. What then comes by the server as well isn't delivered again.
func TestAnEventIsThereWhenItsPublisherReturns(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		second := join(t, first)
		a, b := &diary{}, &diary{}
		follow(t, first, a.hear)
		follow(t, second, b.hear)
		synctest.Wait()
		if err := first.Publish(t.Context(), nil, []verdict.Event{event(1)}); err != nil {
			t.Fatal(err)
		}
		if len(a.all()) != 1 {
			t.Error("it isn't")
		}
		synctest.Wait()
		if len(a.all()) != 1 || len(b.all()) != 1 {
			t.Errorf("heard %v and elsewhere %v", a.times(), b.times())
		}
		first.link.Load().end()
		_ = first.Publish(t.Context(), nil, []verdict.Event{event(2)})
		if len(a.all()) != 2 {
			t.Errorf("without the server heard %v", a.times())
		}
	})
}

// Whoever publishes, here and elsewhere, and also while followers come and go.
func TestEventsAreDeliveredOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		first, err := Open(t.Context(), Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		second := join(t, first)
		const publishers, each = 8, 50
		var alone sync.Mutex
		heard := 0
		follow(t, first, func(verdict.Event) {
			if !alone.TryLock() {
				t.Error("two at a time")
				return
			}
			defer alone.Unlock()
			for range 100 { // others would have their turn
				runtime.Gosched()
			}
			heard++
		})
		synctest.Wait()
		var publishing sync.WaitGroup
		for p := range publishers {
			publishing.Go(func() {
				s := []*Stream{first, second}[p%2]
				for n := range each {
					leave := first.followers.add(&follower{deliver: func(verdict.Event) {}})
					if err := s.Publish(t.Context(), nil, []verdict.Event{event(p*each + n)}); err != nil {
						t.Error(err)
					}
					leave()
				}
			})
		}
		publishing.Wait()
		synctest.Wait()
		if heard != publishers*each {
			t.Errorf("heard %d events, want %d", heard, publishers*each)
		}
	})
}

func TestAnEventArrivesAsItWasSent(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s := open(t, Config{Dir: dir})
		heard := make(chan verdict.Event, 1)
		follow(t, s, func(e verdict.Event) { heard <- e })
		synctest.Wait()
		want := event(1)
		want.Data = []byte(`{"reason":"<no funds> & \u2028é","n":1.00}`)
		publish(t, s, nil, []verdict.Event{want})
		got := <-heard
		if string(got.Data) != string(want.Data) {
			t.Fatalf("data %s, want the bytes %s", got.Data, want.Data)
		}
	})
}

func TestWhatIsNoEventIsSkipped(t *testing.T) {
	bubble(t, func(t *testing.T, dir string) {
		s, d := open(t, Config{Dir: dir}), &diary{}
		follow(t, s, d.hear)
		synctest.Wait()
		if _, err := s.link.Load().js.Publish(t.Context(), eventSubject, []byte("no event")); err != nil {
			t.Fatal(err)
		}
		publish(t, s, nil, []verdict.Event{event(1)})
		synctest.Wait()
		if times := d.times(); len(times) != 1 || times["t1"] != 1 {
			t.Fatalf("heard %v", times)
		}
	})
}
