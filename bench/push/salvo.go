package push

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"verdict/bench/load"
	"verdict/bench/measure"
	"verdict/bench/stats"
	"verdict/bench/target"
)

// arrivals takes note of when each client got its event.
type arrivals struct {
	at      []atomic.Int64 // by client: nanoseconds since epoch; -1: not yet
	epoch   time.Time
	missing atomic.Int64
	all     chan struct{} // closed when nothing is missing any more

	stray  atomic.Int64 // events that nobody waited for
	mu     sync.Mutex   // guards broken
	broken []string
}

func newArrivals(clients int) *arrivals {
	return &arrivals{at: make([]atomic.Int64, clients), epoch: time.Now(), all: make(chan struct{})}
}

// expect begins anew: one event for each of those clients. No event may be on its way.
func (a *arrivals) expect(clients []int) {
	a.missing.Store(int64(len(clients)))
	a.all = make(chan struct{})
	for _, client := range clients {
		a.at[client].Store(-1)
	}
}

func (a *arrivals) arrived(client int, at time.Time) {
	if !a.at[client].CompareAndSwap(-1, int64(at.Sub(a.epoch))) {
		a.stray.Add(1)
		return
	}
	if a.missing.Add(-1) == 0 {
		close(a.all)
	}
}

func (a *arrivals) brokenOff(client int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = append(a.broken, fmt.Sprintf("client %d: %v", client, err))
}

// trouble returns how many events came that nobody waited for, and which connections broke.
func (a *arrivals) trouble() (stray int64, broken []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stray.Load(), slices.Clone(a.broken)
}

// latency returns how long after it was due the event of a client came; ok is false if it never did.
func (a *arrivals) latency(client int, due time.Time) (d time.Duration, ok bool) {
	at := time.Duration(a.at[client].Load())
	return at - due.Sub(a.epoch), at >= 0
}

// Pushed is what was seen of events at one rate.
type Pushed struct {
	Latency   stats.Latency   `json:"-"`
	Late      stats.Latency   `json:"-"` // how late our own calls were begun
	Quantiles stats.Quantiles `json:"latency"`
	Sender    stats.Quantiles `json:"sender_late"`
	Lost      int             `json:"lost"`
	Refused   int             `json:"refused"` // calls that were not answered with success
	Server    time.Duration   `json:"server_cpu_ns"`
	Client    time.Duration   `json:"client_cpu_ns"`
}

func newPushed() *Pushed { return &Pushed{Latency: stats.NewLatency(), Late: stats.NewLatency()} }

func (p *Pushed) finish() {
	p.Quantiles, p.Sender = p.Latency.Quantiles(), p.Late.Quantiles()
}

// usage is processor time of a server and of us.
type usage struct{ server, client time.Duration }

func used(p measure.Process) (u usage, err error) {
	if u.server, err = p.CPU(); err != nil {
		return u, err
	}
	u.client, err = measure.Self().CPU()
	return u, err
}

func (u usage) minus(v usage) usage { return usage{u.server - v.server, u.client - v.client} }

// idleFor is for how long idle processor time is measured: as long as it takes all heartbeats to come round.
const idleFor = 15 * time.Second

// idle returns the processor time that heartbeats and the like take within idleFor.
func idle(ctx context.Context, p measure.Process) (usage, error) {
	before, err := used(p)
	if err != nil {
		return usage{}, err
	}
	select {
	case <-time.After(idleFor):
	case <-ctx.Done():
		return usage{}, ctx.Err()
	}
	after, err := used(p)
	return after.minus(before), err
}

// salvo publishes an event to each of the clients, which watch, at a constant rate, and adds what was seen. still is the
// idle processor time, which is left out.
func salvo(ctx context.Context, t target.Target, a *arrivals, clients []int, rate float64, still usage, into *Pushed) error {
	before, err := used(t.Process())
	if err != nil {
		return err
	}
	schedule := load.Schedule{Rate: rate, Events: len(clients)}
	a.expect(clients)
	var refused atomic.Int64
	start := time.Now().Add(20 * time.Millisecond)
	late := schedule.Run(ctx, start, func(event int) {
		if t.Publish(ctx, clients[event]) != nil {
			refused.Add(1)
		}
	})
	select {
	case <-a.all:
	case <-time.After(time.Until(start.Add(schedule.Length() + patience))):
	case <-ctx.Done():
		return ctx.Err()
	}
	took := time.Since(start)
	after, err := used(t.Process())
	if err != nil {
		return err
	}
	share := float64(took) / float64(idleFor)
	spent := after.minus(before)
	into.Server += spent.server - time.Duration(float64(still.server)*share)
	into.Client += spent.client - time.Duration(float64(still.client)*share)
	into.Refused += int(refused.Load())
	for event, client := range clients {
		if d, ok := a.latency(client, start.Add(schedule.At(event))); ok {
			into.Latency.Record(d)
		} else {
			into.Lost++
		}
	}
	for _, d := range late {
		into.Late.Record(d)
	}
	return nil
}
