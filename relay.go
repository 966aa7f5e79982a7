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
	queue  chan caused
	handed handed
}

// caused is what a commit caused that is to be handed over: a command, or an event.
type caused struct {
	command *Command
	event   *Event
}

// relayQueue is how many commits may wait for the stream; more are left to the sweeper and the hubs.
const relayQueue = 4096

// relayBatch is how many commits go to the stream together at the most.
const relayBatch = 256

// NewRelay returns a relay to the stream. Nothing moves before Run.
func NewRelay(stream Stream, log *slog.Logger) *Relay {
	return &Relay{stream: stream, log: log, queue: make(chan caused, relayQueue), handed: newHanded()}
}

// Nudge tells the relay of a change that has been committed. What is due by now is handed over. It never blocks.
func (r *Relay) Nudge(t Transaction) {
	var what caused
	if c, ok := t.Command(); ok && !t.Due.After(time.Now()) {
		r.handed.put(c, t)
		c.Trace = t.Trace
		what.command = &c
	} else if t.Settled() {
		e := t.Event()
		what.event = &e
	} else {
		return
	}
	select {
	case r.queue <- what:
	default:
	}
}

// Recall returns the transaction whose command was handed over, as it was put on record, and forgets it. Mostly who
// carries a command out is who handed it over, and is spared a read; where it isn't, or that was long ago, there is none. It
// may have changed since.
func (r *Relay) Recall(c Command) (t Transaction, ok bool) { return r.handed.take(c) }

// Run hands over what it is nudged about until ctx ends.
func (r *Relay) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case what := <-r.queue:
			r.handOver(ctx, what)
		}
	}
}

// handOver publishes what a commit caused, together with what waits behind it.
func (r *Relay) handOver(ctx context.Context, what caused) {
	var commands []Command
	var events []Event
	for n := 1; ; n++ {
		if what.command != nil {
			commands = append(commands, *what.command)
		} else {
			events = append(events, *what.event)
		}
		if n == relayBatch || len(r.queue) == 0 {
			break
		}
		what = <-r.queue
	}
	if err := r.stream.Publish(ctx, commands, events); err != nil && ctx.Err() == nil {
		r.log.Warn("the stream refused; the sweeper will try again", "commands", len(commands), "events", len(events), "error", err)
	}
}
