package push

import (
	"context"
	"time"

	"verdict/bench/measure"
	"verdict/bench/target"
)

// Memory is what a server holds, in bytes, and how many goroutines it runs.
type Memory struct {
	RSS        int64 `json:"rss"`
	Heap       int64 `json:"heap"`    // in use, after garbage was collected
	Stacks     int64 `json:"stacks"`  // of goroutines
	Buffers    int64 `json:"buffers"` // of the kernel, of all TCP sockets of the machine, the clients' included
	Slab       int64 `json:"slab"`    // of the kernel: sockets themselves, files, and all else on the machine
	Goroutines int64 `json:"goroutines"`
}

// PerConnection is a Memory divided by the number of connections.
type PerConnection struct {
	RSS        float64 `json:"rss"`
	Heap       float64 `json:"heap"`
	Stacks     float64 `json:"stacks"`
	Buffers    float64 `json:"tcp_buffers_both_ends"`
	Slab       float64 `json:"kernel_slab_both_ends"`
	Goroutines float64 `json:"goroutines"`
}

func (m Memory) per(connections int, before Memory) PerConnection {
	each := func(now, then int64) float64 { return float64(now-then) / float64(connections) }
	return PerConnection{
		RSS: each(m.RSS, before.RSS), Heap: each(m.Heap, before.Heap), Stacks: each(m.Stacks, before.Stacks),
		Buffers: each(m.Buffers, before.Buffers), Slab: each(m.Slab, before.Slab), Goroutines: each(m.Goroutines, before.Goroutines),
	}
}

// memory measures a server once its garbage is collected.
func memory(ctx context.Context, t target.Target) (Memory, error) {
	m, err := measure.Collected(ctx, t.Metrics())
	if err != nil {
		return Memory{}, err
	}
	rss, err := t.Process().RSS()
	if err != nil {
		return Memory{}, err
	}
	buffers, err := measure.TCPMemory()
	if err != nil {
		return Memory{}, err
	}
	slab, err := measure.Slab()
	return Memory{RSS: rss, Heap: m.Heap, Stacks: m.Stacks, Buffers: buffers, Slab: slab, Goroutines: m.Goroutines}, err
}

const (
	quietCheck = 500 * time.Millisecond
	quietShare = 0.15 // of one processor: heartbeats of ten thousand connections stay below
	quietFor   = 8    // checks in a row: Verdict begins to note who watches up to 4 s after a subscription
	quietWait  = 2 * time.Minute
)

// quiet waits until a server has no work left over, and reports whether that came about in time.
func quiet(ctx context.Context, p measure.Process) (bool, error) {
	giveUp := time.Now().Add(quietWait)
	before, err := p.CPU()
	for calm := 0; calm < quietFor && err == nil; {
		if time.Now().After(giveUp) {
			return false, nil
		}
		select {
		case <-time.After(quietCheck):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		var now time.Duration
		now, err = p.CPU()
		if float64(now-before) < quietShare*float64(quietCheck) {
			calm++
		} else {
			calm = 0
		}
		before = now
	}
	return true, err
}
