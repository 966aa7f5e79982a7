package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"verdict"
)

const (
	// publishTimeout bounds a publish, from the first message to the last ack.
	publishTimeout = 5 * time.Second

	// publishRetries times 250 ms is how long a message waits for a stream that is missing: long enough for the watch to
	// make it again.
	publishRetries = 12

	// fromHeader names the Stream that has published an event.
	fromHeader = "Verdict-From"
)

// Publish hands over commands and events and waits up to five seconds until the server has them all. Who follows in this process
// has the events first. After an error any part of them may have been handed over. It returns ErrClosed after Close.
func (s *Stream) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	s.followers.tell(events)
	return s.send(ctx, commands, events)
}

// send is Publish for those who follow elsewhere.
func (s *Stream) send(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	b := batch{link: s.link.Load()}
	bySubject := map[string][]verdict.Command{}
	for _, c := range commands {
		subject, err := commandSubject(c.Provider, c.Kind)
		if err != nil {
			b.fail(err)
			continue
		}
		bySubject[subject] = append(bySubject[subject], c)
	}
	for _, subject := range slices.Sorted(maps.Keys(bySubject)) {
		for some := range slices.Chunk(bySubject[subject], s.bundleOf(subject)) {
			b.send(ctx, &nats.Msg{Subject: subject}, bundle(some))
		}
	}
	for some := range slices.Chunk(events, eventBundle) {
		b.send(ctx, &nats.Msg{Subject: eventSubject, Header: s.from}, bundle(some))
	}
	b.await(ctx)
	if b.failed == 0 {
		return nil
	}
	if s.closed.Load() {
		return ErrClosed
	}
	s.doubted.Store(true)
	return fmt.Errorf("publish: %d of %d messages failed: %w", b.failed, b.failed+b.taken, b.err)
}

// bundleOf is how many commands of a subject share a message: one while no worker of ours carries them out.
func (s *Stream) bundleOf(subject string) int {
	size, ok := s.bundles.Load(subject)
	if !ok {
		return 1
	}
	return size.(int)
}

// batch is what is published together.
type batch struct {
	link   *link
	sent   []jetstream.PubAckFuture
	taken  int // by the server
	failed int
	err    error // the failures, each kind of them once
}

func (b *batch) fail(err error) {
	b.failed++
	if !errors.Is(b.err, err) {
		b.err = errors.Join(b.err, err)
	}
}

// send publishes a message with that content without waiting for its ack. While too many wait already it blocks for 200 ms and gives up.
func (b *batch) send(ctx context.Context, m *nats.Msg, content any) {
	if err := ctx.Err(); err != nil {
		b.fail(err)
		return
	}
	var err error
	if m.Data, err = encode(content); err != nil {
		b.fail(fmt.Errorf("encode for %s: %w", m.Subject, err))
		return
	}
	ack, err := b.link.js.PublishMsgAsync(m, jetstream.WithRetryAttempts(publishRetries))
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
			b.taken++
		case err := <-ack.Err():
			b.fail(err)
		case <-b.link.gone:
			b.fail(nats.ErrConnectionClosed)
		case <-ctx.Done():
			b.fail(ctx.Err())
		}
	}
}

// encode is json.Marshal, but for leaving an event's data as it is, to the byte.
func encode(message any) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(message); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
