package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

const (
	// publishTimeout bounds a publish, from the first message to the last ack.
	publishTimeout = 5 * time.Second

	// publishRetries times 250 ms is how long a message waits for a stream that is missing: long enough for the watch to
	// make it again.
	publishRetries = 12
)

// Publish hands over commands and events and waits up to five seconds until the server has them all. After an error any
// part of them may have been handed over. It returns ErrClosed after Close.
func (s *Stream) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	b := batch{js: s.link.Load().js, sent: make([]jetstream.PubAckFuture, 0, len(commands)+len(events))}
	for _, c := range commands {
		subject, err := commandSubject(c.Provider, c.Kind)
		if err != nil {
			b.fail(err)
			continue
		}
		b.send(subject, c)
	}
	for _, e := range events {
		b.send(eventSubject, e)
	}
	b.await(ctx)
	if b.failed == 0 {
		return nil
	}
	if s.closed.Load() {
		return ErrClosed
	}
	s.doubted.Store(true)
	return fmt.Errorf("publish: %d of %d messages failed: %w", b.failed, len(commands)+len(events), b.err)
}

// batch is what is published together.
type batch struct {
	js     jetstream.JetStream
	sent   []jetstream.PubAckFuture
	failed int
	err    error // the failures, each kind of them once
}

func (b *batch) fail(err error) {
	b.failed++
	if !errors.Is(b.err, err) {
		b.err = errors.Join(b.err, err)
	}
}

func (b *batch) send(subject string, message any) {
	data, err := json.Marshal(message)
	if err != nil {
		b.fail(fmt.Errorf("encode for %s: %w", subject, err))
		return
	}
	ack, err := b.js.PublishAsync(subject, data, jetstream.WithRetryAttempts(publishRetries))
	if err != nil {
		b.fail(err)
		return
	}
	b.sent = append(b.sent, ack)
}

func (b *batch) await(ctx context.Context) {
	for _, ack := range b.sent {
		select {
		case <-ack.Ok():
		case err := <-ack.Err():
			b.fail(err)
		case <-ctx.Done():
			b.fail(ctx.Err())
		}
	}
}
