package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// stallEvery is how often a consumer that hands out nothing is looked at, and stallLooks how many times in a row there
	// must be something that it doesn't hand out.
	stallEvery = 2 * time.Second
	stallLooks = 3
)

var errStalled = errors.New("it hands out none of the commands there are")

// stall notices a consumer that sleeps. One that is led by a server with a broken store does: it answers, and knows of no
// command that was stored since. The leader of the stream does.
type stall struct {
	stream   *Stream
	consumer jetstream.Consumer
	subject  string
	quiet    time.Time // since when nothing came, or the last look
	looks    int
}

// check is told how many commands a request for some has brought. It deletes a consumer that sleeps and returns
// errStalled, so that it is made anew: what others are carrying out of its commands comes a second time.
func (l *stall) check(ctx context.Context, came int) error {
	if came > 0 {
		l.quiet, l.looks = time.Now(), 0
	}
	if l.stream.server != nil || time.Since(l.quiet) < stallEvery {
		return nil
	}
	l.quiet = time.Now()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if waiting, err := l.waiting(ctx); err != nil || !waiting {
		l.looks = 0
		return err
	}
	if l.looks++; l.looks < stallLooks {
		return nil
	}
	if err := l.stream.link.Load().js.DeleteConsumer(ctx, commandStream, l.consumer.CachedInfo().Name); err != nil {
		return errors.Join(errStalled, err)
	}
	return errStalled
}

// waiting reports whether the stream holds commands that nobody has.
func (l *stall) waiting(ctx context.Context) (bool, error) {
	consumer, err := l.consumer.Info(ctx)
	if err != nil {
		return false, err
	}
	stream, err := l.stream.link.Load().js.Stream(ctx, commandStream)
	if err != nil {
		return false, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(l.subject))
	if err != nil {
		return false, err
	}
	taken := consumer.NumAckPending
	return taken < maxUnacked && info.State.Subjects[l.subject] > uint64(taken), nil
}
