package measure

import (
	"context"
	"time"
)

const (
	// collections is how many collections of garbage must begin and end before the heap is measured: the first may have
	// begun before the garbage was made.
	collections = 2

	// sweepTime is given to the runtime after a collection to give back what it found to be garbage.
	sweepTime = time.Second

	// collectTimeout bounds the wait for them. Go collects every two minutes even if nothing happens.
	collectTimeout = 5 * time.Minute
)

// Collected reads the metrics of a Go process once its garbage is collected. We can't ask for that, so we scrape until the
// garbage that this makes has set off the collector.
func Collected(ctx context.Context, url string) (Go, error) {
	ctx, cancel := context.WithTimeout(ctx, collectTimeout)
	defer cancel()
	var last float64
	for seen := -1; seen < collections; {
		m, err := Scrape(ctx, url)
		if err != nil {
			return Go{}, err
		}
		if m.LastGC != last {
			last = m.LastGC
			seen++
		}
	}
	select {
	case <-time.After(sweepTime):
	case <-ctx.Done():
		return Go{}, ctx.Err()
	}
	return Scrape(ctx, url)
}
