package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What a cluster of three nats-servers 2.15 does, with streams of three replicas unless said otherwise (tried on Linux, with
// processes that were killed and stores that were deleted):
//
//   - The leader is killed: nobody answers for the stream for four to nine seconds, until the others have elected one.
//   - All come back empty: the streams are "not found" as soon as the servers have elected a leader of their own.
//   - One or two come back empty, under their old names: they are filled from the one that has the streams, within ten
//     seconds. So they are if they lost the stream's files and logs but not the cluster's metadata.
//   - The only replica's server is away: questions about the stream are never answered. Nor is its deletion, but that is
//     carried out, and a new one may be made at once. The server drops what it had when it returns.
//   - A store is deleted while its server runs: a few megabytes later its copy of the stream fails for good, with "critical
//     write error" in its log. Another takes the lead. The broken one claims from then on that there is no leader, and tells
//     what it had; who is connected to it hears that before the leader's answer, nearly always. A consumer that it leads may
//     stay with it and hand out nothing: see stall.
//   - All stores are deleted while the servers run: the stream has no leader any more, until it is made anew.
//   - More than half of the servers are away: nothing can be stored, made or deleted until enough are back. If they don't
//     come back, only their operator can help, and the log says how.
//
// So a stream that is missing is made. One that takes no messages for longer than patience is deleted and made anew, as
// long as the cluster has a leader; what is said about it is no proof, a probe is.

// patience is how long a stream on servers elsewhere may be unusable before it is made anew: longer than an election, and
// with the calls that are waited for in vain about as long as verdict.Lease. What the old one held is in the database.
const patience = 12 * time.Second

// moveAfter is how long a cluster doesn't answer until another of its servers is tried: longer than most elections.
const moveAfter = 8 * time.Second

// soundEvery is how often each instance sends an event that says nothing, and deafAfter how long a Follow may hear none: its
// consumer may be kept by a server that has come back with an older copy of the stream, and be well but for that.
const (
	soundEvery = 3 * time.Second
	deafAfter  = 10 * time.Second
)

// errLeaderless: nobody takes messages for the stream.
var errLeaderless = errors.New("the stream has no leader")

func leaderless(info *jetstream.StreamInfo) bool {
	return info.Cluster != nil && info.Cluster.Leader == ""
}

// declareShared is declareFirst on servers elsewhere. It waits while they elect a leader.
func (s *Stream) declareShared(ctx context.Context) error {
	for begin := time.Now(); ; pause(ctx, retryPause) {
		err := s.declare(ctx, s.bring)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil || !passing(err) {
			return fmt.Errorf("stream.url: %w", err)
		}
		if time.Since(begin) < patience {
			continue
		}
		if err := s.remake(ctx); err != nil {
			return fmt.Errorf("stream.url: %w", err)
		}
		return nil
	}
}

// passing reports whether an error is one that elections and restarts of servers bring.
func passing(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || refused(err, errCodeNoLeader, errCodeAllOffline)
}

// checkShared makes streams on servers elsewhere that are missing, and those anew that can't be used for longer than
// patience. That begins anew when a cluster answers again that was away: it has leaders to elect.
func (s *Stream) checkShared(ctx context.Context) error {
	err := s.declareMissing(ctx)
	if err != nil || s.doubted.Swap(false) {
		switch probed := s.probeAll(ctx); {
		case probed == nil:
			err = nil // a server with a broken store claims that there is no leader, while others have one
		case err == nil:
			err = probed
		}
	}
	now := time.Now()
	switch {
	case err == nil:
		s.wellAt, s.answeredAt = now, now
		s.raise(ctx)
		return s.sound(ctx, now)
	case ctx.Err() != nil:
		return err
	case s.askCluster(ctx) != nil:
		s.wellAt = now
		return errors.Join(err, s.move(now))
	}
	s.answeredAt = now
	if now.Sub(s.wellAt) < patience {
		return err
	}
	s.wellAt = now
	if err := s.remake(ctx); err != nil {
		s.log.Error("the stream stays unusable", "error", err)
		return err
	}
	return nil
}

// sound sends, now and then, what every Follow of every instance hears.
func (s *Stream) sound(ctx context.Context, now time.Time) error {
	if now.Sub(s.soundedAt) < soundEvery {
		return nil
	}
	s.soundedAt = now
	return s.probe(ctx, eventStream, probes[eventStream])
}

func (s *Stream) probeAll(ctx context.Context) error {
	var errs []error
	for _, cfg := range streams {
		errs = append(errs, s.probe(ctx, cfg.Name, probes[cfg.Name]))
	}
	return errors.Join(errs...)
}

// askCluster returns an error if the servers' own leader doesn't answer. One that does speaks for more than half of them, or
// has done so a moment ago.
func (s *Stream) askCluster(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := s.link.Load().js.AccountInfo(ctx)
	return err
}

// move connects to another server once the cluster hasn't answered for a while: the one that we are connected to may be cut
// off from the others, and be well as far as our connection tells.
func (s *Stream) move(now time.Time) error {
	if now.Sub(s.answeredAt) < moveAfter {
		return nil
	}
	s.answeredAt = now
	s.log.Error("the NATS cluster doesn't answer; trying another of its servers. More than half of them must run JetStream and " +
		"reach each other: start those that are missing, under the names they had, with their stores or empty")
	return s.link.Load().conn.ForceReconnect()
}

// remake makes the streams anew that can't be used.
func (s *Stream) remake(ctx context.Context) error {
	var errs []error
	for _, cfg := range streams {
		reason := s.probe(ctx, cfg.Name, probes[cfg.Name])
		if reason == nil {
			continue
		}
		if spared := s.spare(ctx, cfg.Name); spared != nil {
			errs = append(errs, fmt.Errorf("stream %s: %w, but %w", cfg.Name, reason, spared))
			continue
		}
		s.log.Warn("a stream stays unusable; making it anew, empty", "stream", cfg.Name, "reason", reason)
		errs = append(errs, s.replace(ctx, cfg))
	}
	return errors.Join(errs...)
}

// spare says why a stream that takes nothing from us isn't to be deleted; nil if it is.
func (s *Stream) spare(ctx context.Context, name string) error {
	if denied := s.denied.Load(); denied != nil && time.Since(denied.at) < 2*patience {
		return fmt.Errorf("our user may not use it (%w); let it publish and subscribe to verdict.>, $JS.API.> and _INBOX.>", denied.err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := s.link.Load().js.Stream(ctx, name)
	if err != nil {
		return nil
	}
	info := stream.CachedInfo() // by the server's clock
	switch {
	case info.TimeStamp.Sub(info.Created) < patience:
		return errors.New("it was made a moment ago")
	case !leaderless(info) && info.TimeStamp.Sub(info.State.LastTime) < patience:
		return errors.New("it takes messages of others; see this instance's user and its way to the servers")
	}
	return nil
}

func (s *Stream) replace(ctx context.Context, cfg jetstream.StreamConfig) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := s.link.Load().js.DeleteStream(call, cfg.Name)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("delete stream %s: %w", cfg.Name, err)
	}
	call, cancel = context.WithTimeout(ctx, callTimeout) // a stream whose servers are away is deleted, and nobody says so
	defer cancel()
	if err := s.create(call, cfg); err != nil {
		return fmt.Errorf("make stream %s anew: %w", cfg.Name, err)
	}
	return nil
}
