package stream

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stallEvery is how often a consumer that hands out nothing is looked at: longer than a message takes on a busy machine.
const stallEvery = 5 * time.Second

var errStalled = errors.New("it hands out nothing of what is stored for it")

// stall notices a consumer that sleeps. One that is led by a server with a broken store does: it answers, and knows of
// nothing that was stored since. Nor is that server's word on the stream worth anything, and it may be the first to give it,
// so the stream isn't asked what it holds. Each look stores a message that some worker takes; its ack is the leader's.
type stall struct {
	stream   *Stream
	consumer jetstream.Consumer
	subject  string
	quiet    time.Time // since when nothing came, or the last look
	probed   bool      // at the last look
	handed   uint64    // how many messages the consumer had handed out by then, to all instances
}

// check is told how many messages a request for some has brought. It deletes a consumer that sleeps and returns
// errStalled, so that it is made anew: what others are carrying out of its commands comes a second time.
func (l *stall) check(ctx context.Context, came int) error {
	if came > 0 {
		l.quiet = time.Now()
	}
	if l.stream.server != nil || time.Since(l.quiet) < stallEvery {
		return nil
	}
	l.quiet = time.Now()
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := l.consumer.Info(call)
	if err != nil {
		return err
	}
	if l.probed && info.Delivered.Consumer == l.handed && info.NumAckPending < maxUnacked {
		return errors.Join(errStalled, l.stream.link.Load().js.DeleteConsumer(call, commandStream, info.Name))
	}
	l.probed, l.handed = true, info.Delivered.Consumer
	return l.stream.probe(ctx, commandStream, l.subject)
}
