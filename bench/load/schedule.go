// Package load is the load client: many idle connections, and events at a constant rate.
package load

import (
	"context"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// Schedule is an open loop: events are due at a constant rate, however long the server takes with those before. Each
// latency counts from when its event was due, so that a server that stalls can't hide the wait of those behind (Gil
// Tene's "coordinated omission").
type Schedule struct {
	Rate   float64 // events a second
	Events int

	// Sleep waits, as time.Sleep does; nil is more exact than that, which may oversleep by a millisecond.
	Sleep func(time.Duration)
}

// At returns when an event is due, from the start.
func (s Schedule) At(event int) time.Duration {
	return time.Duration(float64(event) * float64(time.Second) / s.Rate)
}

// Length is how long the schedule takes.
func (s Schedule) Length() time.Duration { return s.At(s.Events) }

// Run calls fire for each event when it is due, each on a goroutine of its own, and returns once all calls have returned.
// It returns how late each call was begun, which is the load client's own share of a latency. When ctx ends it leaves
// out the rest and returns fewer.
func (s Schedule) Run(ctx context.Context, start time.Time, fire func(event int)) (late []time.Duration) {
	sleep := s.Sleep
	if sleep == nil {
		sleep = nanosleep
		runtime.LockOSThread() // so that the kernel wakes us, and not Go's scheduler when it comes to it
		defer runtime.UnlockOSThread()
	}
	var firing sync.WaitGroup
	defer firing.Wait()
	for event := range s.Events {
		due := start.Add(s.At(event))
		sleep(time.Until(due))
		if ctx.Err() != nil {
			return late
		}
		late = append(late, time.Since(due))
		firing.Go(func() { fire(event) })
	}
	return late
}

// nanosleep waits for a time; not at all if it isn't above zero.
func nanosleep(d time.Duration) {
	for rest := syscall.NsecToTimespec(int64(d)); d > 0; {
		if syscall.Nanosleep(&rest, &rest) == nil { // else a signal came, and the rest is left to wait
			return
		}
	}
}
