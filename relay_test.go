package verdict_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"verdict"
)

// heap is a stream that counts what it is handed.
type heap struct {
	mu       sync.Mutex
	commands int
	events   int
}

func (h *heap) Publish(_ context.Context, commands []verdict.Command, events []verdict.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.commands += len(commands)
	h.events += len(events)
	return nil
}

func (h *heap) count() (commands, events int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.commands, h.events
}

// What is due when it was committed is handed over, also while the relay is busy with what came before.
func TestTheRelayHandsOverAllThatIsDue(t *testing.T) {
	const nudgers, each = 8, 2000
	stream := &heap{}
	relay := verdict.NewRelay(stream, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	var running, nudging sync.WaitGroup
	running.Go(func() { _ = relay.Run(ctx) })
	defer running.Wait()
	defer stop()
	deadline := time.Now().Add(10 * time.Second)
	for i := range nudgers {
		nudging.Go(func() {
			for n := range each {
				relay.Nudge(verdict.Transaction{ID: fmt.Sprint(i, n), Stage: verdict.StageAccepted, Version: 1, Due: time.Now()})
				for time.Now().Before(deadline) {
					if commands, _ := stream.count(); commands > nudgers*(n-100) { // the queue isn't to run over
						break
					}
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	nudging.Wait()
	for ; ; time.Sleep(time.Millisecond) {
		commands, events := stream.count()
		if commands == nudgers*each && events == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d commands and %d events of %d commands", commands, events, nudgers*each)
		}
	}
}

func TestTheRelayHandsOverVerdictsAndNothingThatIsNotDue(t *testing.T) {
	stream := &heap{}
	relay := verdict.NewRelay(stream, slog.New(slog.DiscardHandler))
	relay.Nudge(verdict.Transaction{ID: "later", Stage: verdict.StageWaiting, Version: 3, Due: time.Now().Add(time.Hour)})
	relay.Nudge(verdict.Transaction{ID: "review", Stage: verdict.StageReview, Version: 3})
	relay.Nudge(verdict.Transaction{ID: "settled", Stage: verdict.StageSettled, Status: verdict.Failed, Version: 3})
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_ = relay.Run(ctx)
	if commands, events := stream.count(); commands != 0 || events != 1 {
		t.Errorf("%d commands and %d events, want the verdict alone", commands, events)
	}
}

// What was handed over is remembered until somebody carries it out, once, and within bounds.
func TestTheRelayRecallsWhatItHandedOver(t *testing.T) {
	relay := verdict.NewRelay(&heap{}, slog.New(slog.DiscardHandler))
	of := func(n int) verdict.Transaction {
		return verdict.Transaction{ID: fmt.Sprint(n), Stage: verdict.StageAccepted, Version: 1}
	}
	const many = 3000
	for n := range many {
		relay.Nudge(of(n))
	}
	last, _ := of(many - 1).Command()
	newer := last
	newer.Version++
	if _, ok := relay.Recall(newer); ok {
		t.Error("a command of another version was recalled")
	}
	if t2, ok := relay.Recall(last); !ok || t2.ID != last.Transaction {
		t.Errorf("recalled %+v, %t", t2, ok)
	}
	if _, ok := relay.Recall(last); ok {
		t.Error("it was recalled twice")
	}
	recalled := 0
	for n := range many {
		c, _ := of(n).Command()
		if _, ok := relay.Recall(c); ok {
			recalled++
		}
	}
	if recalled != 1023 {
		t.Errorf("%d are remembered, want 1,023 and the one that was recalled", recalled)
	}
}

// traces is a stream that keeps the traces of what it is handed.
type traces struct{ seen []string }

func (s *traces) Publish(_ context.Context, commands []verdict.Command, events []verdict.Event) error {
	for _, c := range commands {
		s.seen = append(s.seen, c.Trace)
	}
	for _, e := range events {
		s.seen = append(s.seen, e.Trace)
	}
	return nil
}

// A trace goes with what is handed over. It is no part of the step: that is recalled without it.
func TestATraceGoesWithWhatIsHandedOver(t *testing.T) {
	stream := &traces{}
	relay := verdict.NewRelay(stream, slog.New(slog.DiscardHandler))
	accepted := verdict.Transaction{ID: "accepted", Stage: verdict.StageAccepted, Version: 1, Trace: "of the first"}
	relay.Nudge(accepted)
	relay.Nudge(verdict.Transaction{ID: "settled", Stage: verdict.StageSettled, Version: 3, Trace: "of the second"})
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_ = relay.Run(ctx)
	if !slices.Equal(stream.seen, []string{"of the first", "of the second"}) {
		t.Errorf("handed over with %q", stream.seen)
	}
	if c, _ := accepted.Command(); c.Trace != "" {
		t.Errorf("the step has the trace %q", c.Trace)
	} else if _, ok := relay.Recall(c); !ok {
		t.Error("the step isn't recalled")
	}
}
