package verdict

import (
	"context"
	"log/slog"
	"time"
)

// Relay hands to the stream what a commit caused. It may lose its queue: commands stay in the outbox, where the sweeper
// finds them, and every hub compares what it has told with the record.
type Relay struct {
	stream Stream
	log    *slog.Logger
	queue  chan Transaction
}

// relayQueue is how many commits may wait for the stream; more are left to the sweeper and the hubs.
const relayQueue = 4096

// relayBatch is how many commits go to the stream together at the most.
const relayBatch = 256

// NewRelay returns a relay to the stream. Nothing moves before Run.
func NewRelay(stream Stream, log *slog.Logger) *Relay {
	return &Relay{stream: stream, log: log, queue: make(chan Transaction, relayQueue)}
}

// Nudge tells the relay of a change that has been committed. It never blocks.
func (r *Relay) Nudge(t Transaction) {
	select {
	case r.queue <- t:
	default:
	}
}

// Run hands over what it is nudged about until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case t := <-r.queue:
			r.handOver(ctx, t)
		}
	}
}

// handOver publishes what the commit of t caused, together with what waits behind it.
func (r *Relay) handOver(ctx context.Context, t Transaction) {
	var commands []Command
	var events []Event
	now := time.Now()
	for n := 1; ; n++ {
		if c, ok := t.Command(); ok && !t.Due.After(now) {
			commands = append(commands, c)
		}
		if t.Settled() {
			events = append(events, t.Event())
		}
		if n == relayBatch || len(r.queue) == 0 {
			break
		}
		t = <-r.queue
	}
	if err := r.stream.Publish(ctx, commands, events); err != nil && ctx.Err() == nil {
		r.log.Warn("the stream refused; the sweeper will try again", "commands", len(commands), "events", len(events), "error", err)
	}
}
