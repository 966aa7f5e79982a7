package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

const (
	// followAhead is how many messages of events may wait here for deliver.
	followAhead = 64

	// heartbeat is how often the server gives a sign of life while there are no events; after two that fail to come, the
	// consumer is made anew.
	heartbeat = time.Second
)

// Follow has deliver called with each event that is published from now on, by any instance, one at a time, until ctx
// ends; then it returns nil. Those that this Stream publishes come without a way through the server. Events may be lost or come
// twice when the server or the connection breaks. deliver must not block. Follow returns ErrClosed if the stream
// is closed under it.
//
// The ordered consumer of the client library would do nearly that. It resumes by sequence number, though, and a stream
// that was made anew counts from one: it would wait there until the number it had is reached. Ours resumes by time. The
// clocks of a cluster's servers may differ: what is skipped when another one takes the lead, the hubs find in the record.
func (s *Stream) Follow(ctx context.Context, deliver func(verdict.Event)) error {
	cfg := jetstream.ConsumerConfig{
		DeliverPolicy:     jetstream.DeliverNewPolicy,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: 10 * time.Second, // then the server forgets a consumer nobody reads from
		MemoryStorage:     true,
	}
	f := &follower{deliver: deliver}
	defer s.followers.add(f)()
	for troubles := newTroubles(s.log); ctx.Err() == nil; {
		last, err := s.listen(ctx, cfg, f.tell)
		if s.closed.Load() {
			return ErrClosed
		}
		if !last.IsZero() {
			since := last.Add(time.Nanosecond)
			cfg.DeliverPolicy, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, &since
		}
		if err != nil && ctx.Err() == nil {
			troubles.tell("cannot follow the events; will try again", err)
			pause(ctx, retryPause)
		}
	}
	return nil
}

// A follower hears from the server and from who publishes here.
type follower struct {
	mu      sync.Mutex // held while deliver runs
	deliver func(verdict.Event)
}

func (f *follower) tell(e verdict.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deliver(e)
}

// followers are those of this process.
type followers struct {
	mu  sync.RWMutex // guards all
	all map[*follower]struct{}
}

// add returns what to call when the follower leaves: then it is told nothing more.
func (fs *followers) add(f *follower) (remove func()) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.all == nil {
		fs.all = map[*follower]struct{}{}
	}
	fs.all[f] = struct{}{}
	return func() {
		fs.mu.Lock()
		defer fs.mu.Unlock()
		delete(fs.all, f)
	}
}

func (fs *followers) tell(events []verdict.Event) {
	fs.mu.RLock()
	defer fs.mu.RUnlock()
	for f := range fs.all {
		for _, e := range events {
			f.tell(e)
		}
	}
}

// listen makes a consumer and delivers its events until ctx ends or the consumer breaks. It returns when the last event
// was stored, or the consumer was made if there was none; zero if not even that worked.
func (s *Stream) listen(ctx context.Context, cfg jetstream.ConsumerConfig, deliver func(verdict.Event)) (last time.Time, err error) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	consumer, err := s.link.Load().js.CreateConsumer(call, eventStream, cfg)
	if err != nil {
		return last, fmt.Errorf("make a consumer of the events: %w", err)
	}
	last = consumer.CachedInfo().Created
	messages, err := consumer.Messages(jetstream.PullMaxMessages(followAhead), jetstream.PullHeartbeat(heartbeat))
	if err != nil {
		return last, fmt.Errorf("read the events: %w", err)
	}
	defer messages.Stop()
	for {
		m, err := s.next(ctx, messages)
		if err != nil {
			return last, fmt.Errorf("read the events: %w", err)
		}
		if meta, err := m.Metadata(); err == nil {
			last = meta.Timestamp
		}
		if m.Headers().Get(fromHeader) == s.name {
			continue // delivered when it was published
		}
		events, err := unbundle[verdict.Event](m.Data())
		if err != nil {
			s.log.Error("dropped what is no event", "error", err)
		}
		for _, e := range events {
			deliver(e)
		}
	}
}

// next waits for a message. On servers elsewhere one comes every few seconds, see soundEvery.
func (s *Stream) next(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	if s.server == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, deafAfter)
		defer cancel()
	}
	return messages.Next(jetstream.NextContext(ctx))
}
