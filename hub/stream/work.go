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

// Work has handle called with the commands of that kind for that provider until ctx ends, at most limit at once. Slots that
// are fewer than a bundle's stay free until there are more: up to a sixteenth of limit, and 31. All
// instances share them. A command comes again if handle returns an error, about a second later at first and 30 seconds
// at the most, or if the instance dies, after verdict.Lease, and with it those of its bundle; it may also come twice without
// any reason.
//
// When ctx ends Work takes no more commands, gives back what it hasn't begun, waits for the calls of handle under way,
// and returns nil. The context of handle does not end with ctx: what has been begun with a partner is seen through, so
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
	for {
		wanted := w.take(ctx)
		if wanted == 0 {
			return nil
		}
		begun, err := w.fetch(ctx, consumer, wanted)
		w.give((wanted - begun) * w.bundle)
		if err == nil {
			err = sleep.check(ctx, consumer, begun)
		}
		if err != nil {
			return fmt.Errorf("fetch from %s: %w", cfg.Durable, err)
		}
	}
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

// worker carries out commands. It asks only for as many as it can begin at once: one that waited here could not be
// begun by another instance.
type worker struct {
	log     *slog.Logger
	handle  func(context.Context, verdict.Command) error
	slots   chan struct{} // holds one token for each command asked for or being carried out
	bundle  int           // how many slots are taken for a message that is asked for
	running sync.WaitGroup
}

// take waits for the slots of a bundle, and takes those of as many bundles as are free. It returns how many, and 0 when ctx
// has ended.
func (w *worker) take(ctx context.Context) (bundles int) {
	for taken := range w.bundle {
		if !w.wait(ctx) {
			w.give(taken)
			return 0
		}
	}
	taken := w.bundle
	for free := true; free; {
		select {
		case w.slots <- struct{}{}:
			taken++
		default:
			free = false
		}
	}
	w.give(taken % w.bundle)
	return taken / w.bundle
}

// wait waits for a slot and takes it. It reports false when ctx has ended.
func (w *worker) wait(ctx context.Context) (taken bool) {
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

func (w *worker) give(n int) {
	for range n {
		<-w.slots
	}
}

// fetch asks for n messages, for whose bundles slots are taken, and begins each as it comes. It returns how many it began.
func (w *worker) fetch(ctx context.Context, consumer jetstream.Consumer, n int) (begun int, err error) {
	batch, err := consumer.Fetch(n, jetstream.FetchMaxWait(fetchWait))
	if err != nil {
		return 0, err
	}
	for m := range batch.Messages() {
		if ctx.Err() != nil {
			w.answer(m.Nak())
			continue
		}
		begun++
		w.running.Go(func() { w.carryOut(ctx, m) })
	}
	return begun, batch.Error()
}

// carryOut has the commands of a message handled, and answers the stream. An answer that is lost does no harm: the commands
// come again and are overtaken.
func (w *worker) carryOut(ctx context.Context, m jetstream.Msg) {
	commands, err := unbundle[verdict.Command](m.Data())
	w.give(max(0, w.bundle-len(commands)))
	switch {
	case err != nil:
		w.log.Error("dropped what is no command", "error", err)
		w.answer(m.TermWithReason("not a command"))
	case w.keepAlive(ctx, m, commands):
		w.answer(m.Ack())
	default:
		w.answer(m.NakWithDelay(retryAfter(m)))
	}
}

// keepAlive has commands handled, and tells the stream that they are in good hands for as long as that takes. It reports
// whether all succeeded. Those of an instance whose limit is higher may be more than the slots: they wait for some, and aren't
// begun any more when ctx has ended.
func (w *worker) keepAlive(ctx context.Context, m jetstream.Msg, commands []verdict.Command) bool {
	stop := repeat(aliveEvery, func() { w.answer(m.InProgress()) })
	defer stop()
	var handling sync.WaitGroup
	var failed atomic.Bool
	for i, c := range commands {
		if i >= w.bundle && !w.wait(ctx) {
			failed.Store(true)
			break
		}
		handling.Go(func() {
			defer w.give(1)
			if err := w.handle(context.WithoutCancel(ctx), c); err != nil {
				w.log.Error("command failed; it will come again", "transaction", c.Transaction, "after", retryAfter(m), "error", err)
				failed.Store(true)
			}
		})
	}
	handling.Wait()
	return !failed.Load()
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
