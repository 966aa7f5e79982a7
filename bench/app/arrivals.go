package app

import (
	"context"
	"sync/atomic"
	"time"
)

// Arrivals are the times at which the verdicts of some transactions were pushed.
type Arrivals struct {
	from   int64          // number of the first
	at     []atomic.Int64 // Unix nanoseconds; 0: not yet
	came   chan struct{}  // a sign for each
	strays atomic.Int64   // of others, or told twice
}

// Strays returns how many came that nobody waited for: of others, or told twice.
func (a *Arrivals) Strays() int { return int(a.strays.Load()) }

// At returns when the one of a number came; ok is false if it hasn't, or isn't awaited.
func (a *Arrivals) At(number int64) (at time.Time, ok bool) {
	i := number - a.from
	if i < 0 || i >= int64(len(a.at)) {
		return at, false
	}
	ns := a.at[i].Load()
	return time.Unix(0, ns), ns != 0
}

// NewArrivals awaits those of so many transactions, by their numbers.
func NewArrivals(from int64, count int) *Arrivals {
	return &Arrivals{from: from, at: make([]atomic.Int64, count), came: make(chan struct{}, count)}
}

func (a *Arrivals) arrived(number int64, at time.Time) {
	i := number - a.from
	if i < 0 || i >= int64(len(a.at)) || !a.at[i].CompareAndSwap(0, at.UnixNano()) {
		a.strays.Add(1)
		return
	}
	a.came <- struct{}{}
}

// Await waits until so many have come, or until a time. It returns how many are missing.
func (a *Arrivals) Await(ctx context.Context, count int, until time.Time) (missing int) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for missing = count; missing > 0; missing-- {
		select {
		case <-a.came:
		case <-ctx.Done():
			return missing
		}
	}
	return 0
}

// Last returns when the last came; the zero time if none did.
func (a *Arrivals) Last() (at time.Time) {
	latest := int64(0)
	for i := range a.at {
		latest = max(latest, a.at[i].Load())
	}
	if latest == 0 {
		return at
	}
	return time.Unix(0, latest)
}
