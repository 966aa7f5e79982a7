package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

const (
	commandStream = "VERDICT_COMMANDS"
	eventStream   = "VERDICT_EVENTS"

	maxCommandBytes = 64 << 20
	maxEventBytes   = 32 << 20

	// watchEvery is how often the health of the stream is looked at.
	watchEvery = time.Second
)

// streams are the two we use. Their bounds follow from the database being the record.
//
// A command that nobody took is issued again by the sweeper at the latest after verdict.MaxClaim; an older copy is of no
// use. 64 MiB hold about 400,000 commands; when there are more, the oldest go, and the sweeper brings them back.
//
// An event is of use to those who listen now. What a hub misses it finds in the record within two seconds, so 30 seconds
// are plenty for a connection that comes back. Nobody reads events after a restart: memory will do.
var streams = [...]jetstream.StreamConfig{{
	Name:      commandStream,
	Subjects:  []string{commandPrefix + ">"},
	Retention: jetstream.WorkQueuePolicy,
	Storage:   jetstream.FileStorage,
	MaxAge:    verdict.MaxClaim,
	MaxBytes:  maxCommandBytes,
	Discard:   jetstream.DiscardOld,
}, {
	Name:      eventStream,
	Subjects:  []string{eventSubject},
	Retention: jetstream.LimitsPolicy,
	Storage:   jetstream.MemoryStorage,
	MaxAge:    30 * time.Second,
	MaxBytes:  maxEventBytes,
	Discard:   jetstream.DiscardOld,
}}

// declareFirst makes the streams, or brings those that are there up to date. An embedded store that another version of
// us left, and which doesn't allow that, is emptied.
func (s *Stream) declareFirst(ctx context.Context) error {
	if s.server == nil {
		return s.declareShared(ctx)
	}
	err := s.declare(ctx, s.bring)
	if err == nil {
		return nil
	}
	s.log.Warn("the stream's store is of no use; starting with an empty one", "error", err)
	return s.renew(ctx)
}

// declareMissing makes the streams that are not there. It leaves the others alone: during an upgrade, instances of two
// versions would change them to and fro.
func (s *Stream) declareMissing(ctx context.Context) error {
	return s.declare(ctx, func(ctx context.Context, cfg jetstream.StreamConfig) error {
		stream, err := s.link.Load().js.Stream(ctx, cfg.Name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			s.log.Warn("a stream is missing; making it", "stream", cfg.Name)
			return s.create(ctx, cfg)
		}
		if err == nil && leaderless(stream.CachedInfo()) {
			return errLeaderless
		}
		return err
	})
}

func (s *Stream) declare(ctx context.Context, by func(context.Context, jetstream.StreamConfig) error) error {
	var errs []error
	for _, cfg := range streams {
		call, cancel := context.WithTimeout(ctx, callTimeout)
		if err := by(call, cfg); err != nil {
			errs = append(errs, fmt.Errorf("declare stream %s: %w", cfg.Name, err))
		}
		cancel()
	}
	return errors.Join(errs...)
}

// watch keeps the stream usable until ctx ends.
func (s *Stream) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.check(ctx)
		s.unusable.Store(err != nil)
		switch {
		case ctx.Err() != nil:
		case err == nil && s.ill > 0:
			s.log.Info("the stream is usable again", "checks", s.ill)
			s.ill = 0
		case err != nil:
			if s.ill == 0 {
				s.log.Warn("the stream is unusable; will go on trying", "error", err)
			}
			s.ill++
		}
	}
}

// check makes what is missing, and anew what is broken.
func (s *Stream) check(ctx context.Context) error {
	if s.server == nil {
		return s.checkShared(ctx)
	}
	return s.checkEmbedded(ctx)
}

// checkEmbedded starts an embedded server that is broken anew with an empty store: at once if the fault is plain, and when
// it fails a second time if it may just be slow.
func (s *Stream) checkEmbedded(ctx context.Context) error {
	err := s.declareMissing(ctx)
	if err == nil && s.doubted.Swap(false) {
		err = s.probe(ctx, commandStream, probes[commandStream])
	}
	broken := s.server.check()
	if broken == nil && err != nil && s.ill > 0 {
		broken = err
	}
	if broken == nil || ctx.Err() != nil {
		return err
	}
	if err := s.renew(ctx); err != nil {
		return err
	}
	s.log.Warn("started the embedded stream server anew, empty", "reason", broken)
	return nil
}

// renew replaces the embedded server by one with an empty store.
func (s *Stream) renew(ctx context.Context) error {
	s.link.Load().end()
	if err := s.server.renew(); err != nil {
		return err
	}
	if err := s.connectInside(); err != nil {
		return err
	}
	return s.declareMissing(ctx)
}

// probe stores an empty message in a stream. A server that cannot write keeps silent about it in every other way: see
// embedded. Another stream that takes the subject is no answer.
func (s *Stream) probe(ctx context.Context, name, subject string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := s.link.Load().js.Publish(ctx, subject, nil, jetstream.WithExpectStream(name)); err != nil {
		s.doubted.Store(true)
		return fmt.Errorf("store a message for %s: %w", subject, err)
	}
	return nil
}
