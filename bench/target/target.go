// Package target starts the servers that are compared, and speaks to each in its own way: Verdict, the floors, and the
// hubs of others.
package target

import (
	"context"
	"sync"
	"time"

	"verdict/bench/measure"
)

// Kind is what clients connect by.
type Kind string

// Kinds.
const (
	WebSocket Kind = "websocket"
	SSE       Kind = "sse"
)

// Target is a server that is running, and its clients.
type Target interface {
	Process() measure.Process
	Metrics() string // the URL at which its Go runtime tells of itself

	// Prepare makes ready what the clients are to watch. Watch has them watch it, connecting those that aren't
	// connected. After that each of them can be sent one event.
	Prepare(ctx context.Context, clients []int) error
	Watch(ctx context.Context, clients []int) error

	// Publish causes the event of a client, as whoever has news would.
	Publish(ctx context.Context, client int) error

	Close()
}

// Env is what a target is given.
type Env struct {
	Dir     string // of its own, on the disk that is measured
	Verdict string // the built binary
	Self    string // this program, which is the floors as well
	Peer    string // the built binary of a Spec's Peer
	Clients int

	// VerdictEnv is added to the environment of Verdict.
	VerdictEnv []string

	// Arrived is told that a client has read its event, Broken that its connection has ended against our will. Both
	// are called by many goroutines.
	Arrived func(client int, at time.Time)
	Broken  func(client int, err error)
}

// Spec is a target that may be started.
type Spec struct {
	Name  string
	Kind  Kind
	Peer  *Peer // whose program it takes; nil if we bring it
	Start func(context.Context, Env) (Target, error)
}

// Peer is a program that others wrote: see package peer.
type Peer struct {
	Name     string // of its folder
	Module   string // of its authors
	Package  string // what to build
	Settings string // as they are printed
}

// Verdict is the name of what the others are compared with.
const Verdict = "verdict"

// Specs returns what is compared for a kind, Verdict first.
func Specs(kind Kind) []Spec {
	if kind == WebSocket {
		return []Spec{
			{Verdict, kind, nil, startVerdictSockets},
			{"gorilla, usual", kind, nil, startFloor(kind, floorUsual)},
			{"gorilla, lean", kind, nil, startFloor(kind, floorLean)},
			{Centrifugo, kind, centrifugoPeer, startCentrifugoSockets},
		}
	}
	return []Spec{
		{Verdict, kind, nil, startVerdictStreams},
		{"net/http", kind, nil, startFloor(kind, floorPlain)},
		{"hijacked", kind, nil, startFloor(kind, floorHijacked)},
		{Centrifugo, kind, centrifugoPeer, startCentrifugoStreams},
		{"Mercure", kind, mercurePeer, startMercure},
	}
}

// atOnce is how many clients are prepared or connected at a time: few enough that none is refused.
const atOnce = 64

// each calls f for all clients, some at a time, and returns the first error.
func each(ctx context.Context, clients []int, f func(ctx context.Context, client int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var working sync.WaitGroup
	for range atOnce {
		working.Go(func() {
			for client := range next {
				if err := f(ctx, client); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, client := range clients {
		select {
		case next <- client:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	close(next)
	working.Wait()
	return context.Cause(ctx)
}
