package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Closed is a closed loop: each of its clients calls again as soon as it has its answer. So it finds the highest
// throughput, and says nothing of latency: a server that stalls is asked nothing meanwhile.
type Closed struct {
	Clients int
	Warm    time.Duration // before it counts
	For     time.Duration // while it counts
}

// Counted is what a closed loop saw.
type Counted struct {
	Done   int64
	Failed int64
	Err    error // of one that failed; nil if none did
	Took   time.Duration
}

// Rate is how many calls succeeded in a second.
func (c Counted) Rate() float64 { return float64(c.Done) / c.Took.Seconds() }

// Run calls until the time is over or ctx ends, and counts the calls that end while it counts. counting, unless it is nil,
// is called when it begins to count and when it ends.
func (c Closed) Run(ctx context.Context, call func() error, counting func()) (seen Counted) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var on atomic.Bool
	var done, failed atomic.Int64
	var why atomic.Pointer[error]
	var calling sync.WaitGroup
	for range c.Clients {
		calling.Go(func() {
			for ctx.Err() == nil {
				err := call()
				switch {
				case !on.Load():
				case err == nil:
					done.Add(1)
				default:
					failed.Add(1)
					why.Store(&err)
				}
			}
		})
	}
	mark := func() time.Time {
		if counting != nil {
			counting()
		}
		return time.Now()
	}
	wait(ctx, c.Warm)
	began := mark()
	on.Store(true)
	wait(ctx, c.For)
	on.Store(false)
	seen.Took = mark().Sub(began)
	stop()
	calling.Wait()
	seen.Done, seen.Failed = done.Load(), failed.Load()
	if err := why.Load(); err != nil {
		seen.Err = *err
	}
	return seen
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
