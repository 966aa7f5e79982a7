package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

const (
	// fetchWait is how long one request for commands stays open, and so how long a worker with nothing to do takes to
	// stop.
	fetchWait = time.Second

	// aliveEvery is how often a command that is being carried out is kept from being handed out again.
	aliveEvery = verdict.Lease / 3

	// The pause before a command that failed comes again: doubles between these.
	minRetryPause = time.Second
	maxRetryPause = 30 * time.Second

	// retryPause is the pause before a broken consumer is made again.
	retryPause = 250 * time.Millisecond

	// maxUnacked bounds the messages of a consumer whose commands are being carried out, or wait after a failure, in all
	// instances.
	maxUnacked = 10_000
)

// Work has handle called with the commands of that kind for that provider until ctx ends, at most limit at once. All
// instances share them. A command comes again if handle returns an error, about a second later at first and 30 seconds
// at the most, or if the instance dies, after verdict.Lease, and with it those of its bundle; it may also come twice without
// any reason.
//
// When ctx ends Work takes no more commands, waits for the calls of handle under way, gives back what it hasn't begun of their
// bundles, and returns nil. The context of handle does not end with ctx: what has been begun with a partner is seen through, so
// handle must bound its own time. Work returns ErrClosed if the stream is closed under it.
func (s *Stream) Work(ctx context.Context, provider string, kind verdict.Kind, limit int, handle func(context.Context, verdict.Command) error) error {
	subject, err := commandSubject(provider, kind)
	if err != nil {
		return fmt.Errorf("work: %w", err)
	}
	if limit < 1 {
		return fmt.Errorf("work on %s: a limit of %d; give a number above zero", subject, limit)
	}
	w := &worker{log: s.log.With("subject", subject), handle: handle, slots: make(chan struct{}, limit), bundle: bundleSize(limit)}
	defer w.running.Wait()
	s.bundles.Store(subject, w.bundle)
	defer s.bundles.Delete(subject)
	sleep := &stall{stream: s, subject: subject, quiet: time.Now()}
	for troubles := newTroubles(w.log); ctx.Err() == nil; {
		err := s.serve(ctx, w, sleep, jetstream.ConsumerConfig{
			Durable:       string(kind) + "-" + provider,
			FilterSubject: subject,
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       verdict.Lease,
			MaxDeliver:    -1, // the stream's MaxAge ends it
			MaxAckPending: maxUnacked,
		})
		if s.closed.Load() {
			return ErrClosed
		}
		if err != nil && ctx.Err() == nil {
			troubles.tell("cannot fetch commands; will try again", err)
			pause(ctx, retryPause)
		}
	}
	return nil
}

// serve makes the consumer, if it is missing, and has the worker fetch from it until ctx ends or the consumer breaks.
func (s *Stream) serve(ctx context.Context, w *worker, sleep *stall, cfg jetstream.ConsumerConfig) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	consumer, err := s.declareConsumer(call, cfg)
	if err != nil {
		return fmt.Errorf("declare consumer %s: %w", cfg.Durable, err)
	}
	if consumer, err = s.notAhead(call, consumer, cfg); err != nil {
		return fmt.Errorf("declare consumer %s anew: %w", cfg.Durable, err)
	}
	for w.free(ctx) {
		taken, err := w.fetch(ctx, consumer)
		if err == nil {
			err = sleep.check(ctx, consumer, taken)
		}
		if err != nil {
			return fmt.Errorf("fetch from %s: %w", cfg.Durable, err)
		}
	}
	return nil
}

// declareConsumer makes a consumer, or brings the one that is there up to date. One that can't be changed is made anew:
// what others are carrying out of its commands comes a second time.
func (s *Stream) declareConsumer(ctx context.Context, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	js := s.link.Load().js
	consumer, err := js.CreateOrUpdateConsumer(ctx, commandStream, cfg)
	if !refused(err, errCodeConsumer) {
		return consumer, err
	}
	s.log.Warn("a consumer can't be changed; making it anew", "consumer", cfg.Durable, "error", err)
	if err := js.DeleteConsumer(ctx, commandStream, cfg.Durable); err != nil {
		return nil, err
	}
	return js.CreateConsumer(ctx, commandStream, cfg)
}

// notAhead makes a consumer anew that remembers having got further than its stream reaches. A power cut does that: the
// server syncs the two apart, and the consumer would sleep until the stream had counted up to its place. Of servers
// elsewhere, the one that tells how far the stream reaches may only be behind the others: there stall sees to it.
func (s *Stream) notAhead(ctx context.Context, consumer jetstream.Consumer, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	if s.server == nil {
		return consumer, nil
	}
	js := s.link.Load().js
	at := consumer.CachedInfo().Delivered.Stream // before the stream is read, which may grow meanwhile
	stream, err := js.Stream(ctx, commandStream)
	if err != nil {
		return nil, err
	}
	last := stream.CachedInfo().State.LastSeq
	if at <= last {
		return consumer, nil
	}
	s.log.Warn("a consumer is ahead of its stream; making it anew", "consumer", cfg.Durable, "at", at, "stream", last)
	if err := stream.DeleteConsumer(ctx, cfg.Durable); err != nil {
		return nil, err
	}
	return stream.CreateOrUpdateConsumer(ctx, cfg)
}

// worker carries out commands. It asks only for what it can begin at once: what waited here could not be begun by another
// instance. Only where less is free than a bundle has, the rest of one bundle waits.
type worker struct {
	log     *slog.Logger
	handle  func(context.Context, verdict.Command) error
	slots   chan struct{} // holds one token for each command that is being carried out; one goroutine puts them there
	bundle  int           // how many commands a message is expected to hold
	running sync.WaitGroup
}

// take waits for a slot and takes it. It reports false when ctx has ended.
func (w *worker) take(ctx context.Context) (taken bool) {
	if ctx.Err() != nil {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case w.slots <- struct{}{}:
		return true
	}
}

// free waits until a slot is free. It reports false when ctx has ended.
func (w *worker) free(ctx context.Context) bool {
	taken := w.take(ctx)
	if taken {
		<-w.slots
	}
	return taken
}

// fetch asks for as many messages as there are slots for, for one at least, and begins their commands as they come. It returns
// how many messages it took.
func (w *worker) fetch(ctx context.Context, consumer jetstream.Consumer) (taken int, err error) {
	batch, err := consumer.Fetch(max(1, (cap(w.slots)-len(w.slots))/w.bundle), jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return 0, err
	}
	for m := range batch.Messages() {
		if ctx.Err() != nil || taken > 0 && cap(w.slots)-len(w.slots) < w.bundle { // those before were larger than expected
			w.answer(m.Nak())
			continue
		}
		taken++
		w.begin(ctx, m)
	}
	return taken, batch.Error()
}

// begin has the commands of a message carried out. It returns once all of them have been begun, or ctx has ended.
func (w *worker) begin(ctx context.Context, m jetstream.Msg) {
	commands, err := unbundle[verdict.Command](m.Data())
	if err != nil {
		w.log.Error("dropped what is no command", "error", err)
		w.answer(m.TermWithReason("not a command"))
		return
	}
	w.bundle = max(w.bundle, len(commands))
	d := &delivery{message: m, stop: repeat(aliveEvery, func() { w.answer(m.InProgress()) })}
	d.open.Store(1)
	defer w.finish(d)
	for _, c := range commands {
		if !w.take(ctx) {
			d.failed.Store(true)
			return
		}
		d.open.Add(1)
		w.running.Go(func() {
			if err := w.handle(context.WithoutCancel(ctx), c); err != nil {
				w.log.Error("command failed; it will come again", "transaction", c.Transaction, "after", retryAfter(m), "error", err)
				d.failed.Store(true)
			}
			<-w.slots
			w.finish(d) // not deferred: a command that panics isn't acknowledged
		})
	}
}

// delivery is a message whose commands are being carried out. Until all have ended the stream is told that it is in good hands.
type delivery struct {
	message jetstream.Msg
	stop    func()       // telling the stream
	open    atomic.Int32 // commands under way, and one while some are to be begun
	failed  atomic.Bool  // one has, or wasn't begun
}

// finish counts a command of a delivery as ended, and after the last answers the stream. An answer that is lost does no harm:
// the commands come again and are overtaken.
func (w *worker) finish(d *delivery) {
	if d.open.Add(-1) > 0 {
		return
	}
	d.stop()
	if d.failed.Load() {
		w.answer(d.message.NakWithDelay(retryAfter(d.message)))
	} else {
		w.answer(d.message.Ack())
	}
}

// repeat has f called every so often until stop is called. It takes no goroutine in between: thousands of commands may wait for
// their partner.
func repeat(every time.Duration, f func()) (stop func()) {
	var mu sync.Mutex // guards what follows; held while f runs, so that it never does after stop
	var timer *time.Timer
	stopped := false
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(every, func() {
		mu.Lock()
		defer mu.Unlock()
		if !stopped {
			f()
			timer.Reset(every)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		stopped = true
		timer.Stop()
	}
}

func (w *worker) answer(err error) {
	if err != nil && !errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
		w.log.Debug("cannot answer the stream", "error", err)
	}
}

// retryAfter is the pause before a command comes again, from how often it has come.
func retryAfter(m jetstream.Msg) time.Duration {
	again := minRetryPause
	meta, err := m.Metadata()
	if err != nil {
		return again
	}
	for n := uint64(1); n < meta.NumDelivered && again < maxRetryPause; n++ {
		again *= 2
	}
	return min(again, maxRetryPause)
}
