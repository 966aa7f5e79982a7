package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"verdict/bench/stats"
)

// Opened is what an open loop saw.
type Opened struct {
	Latency stats.Latency // from when each call was due to its end
	Late    stats.Latency // how late each was begun, which is the load client's share
	Begun   int
	Done    int
	Failed  int
	Cut     bool  // it was given up: more than a second's calls, and more than a hundred, were under way at once
	Err     error // of one that failed; nil if none did
}

// Open makes the calls of a schedule that begins at start, and returns when all have ended.
func (s Schedule) Open(ctx context.Context, start time.Time, call func(event int) error) *Opened {
	running, cut := context.WithCancel(ctx)
	defer cut()
	o := &Opened{Latency: stats.NewLatency(), Late: stats.NewLatency()}
	var mu sync.Mutex // guards o
	var under atomic.Int64
	late := s.Run(running, start, func(event int) {
		if under.Add(1) > int64(max(100, s.Rate)) {
			cut()
		}
		err := call(event)
		took := time.Since(start.Add(s.At(event)))
		under.Add(-1)
		mu.Lock()
		defer mu.Unlock()
		o.Latency.Record(took)
		if err != nil {
			o.Failed++
			o.Err = err
			return
		}
		o.Done++
	})
	for _, d := range late {
		o.Late.Record(d)
	}
	o.Begun, o.Cut = len(late), len(late) < s.Events
	return o
}
