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
	stream  *Stream
	subject string
	quiet   time.Time // since when nothing came, or the last look
	probed  bool      // by the last look
	handed  uint64    // how many messages the consumer had handed out before that, to all instances
	moved   bool      // another server was to lead the consumer, and nothing came since
}

// check is told how many messages a request for some has brought. It wakes a consumer that sleeps and returns errStalled.
func (l *stall) check(ctx context.Context, consumer jetstream.Consumer, came int) error {
	if came > 0 {
		l.quiet, l.moved = time.Now(), false
	}
	if l.stream.server != nil || time.Since(l.quiet) < stallEvery {
		return nil
	}
	l.quiet = time.Now()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := consumer.Info(ctx)
	if err != nil {
		return err
	}
	if l.probed && info.Delivered.Consumer == l.handed && info.NumAckPending < maxUnacked {
		return errors.Join(errStalled, l.wake(ctx, info))
	}
	err = l.stream.probe(ctx, commandStream, l.subject)
	l.probed, l.handed = err == nil, info.Delivered.Consumer
	return err
}

// wake has another server lead the consumer. If that was of no use it deletes the consumer, so that it is made anew: what
// others are carrying out of its commands comes a second time. The new one may have the same leader, and sleep as well. What
// the servers say to either doesn't matter: the next look shows what it was worth.
func (l *stall) wake(ctx context.Context, info *jetstream.ConsumerInfo) error {
	link := l.stream.link.Load()
	l.moved = !l.moved && info.Cluster != nil && len(info.Cluster.Replicas) > 0
	if l.moved {
		_, err := link.conn.RequestWithContext(ctx, "$JS.API.CONSUMER.LEADER.STEPDOWN."+commandStream+"."+info.Name, nil)
		return err
	}
	return link.js.DeleteConsumer(ctx, commandStream, info.Name)
}
