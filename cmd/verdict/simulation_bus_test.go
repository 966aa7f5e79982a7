package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"verdict"
)

// errStream: a publish failed, or that is what is said of it.
var errStream = errors.New("the stream is away")

// simBus is a stream that loses, doubles and delays, as the seed has it.
type simBus struct {
	*life
	bus
}

func (b *simBus) Publish(ctx context.Context, commands []verdict.Command, events []verdict.Event) error {
	subject := ""
	if len(commands) > 0 {
		subject = commands[0].Transaction
	} else if len(events) > 0 {
		subject = events[0].Transaction
	}
	operation := fmt.Sprintf("publish %d commands, %d events, %s", len(commands), len(events), subject)
	if err := b.gone(ctx); err != nil {
		return err
	}
	r := b.draw(operation)
	delay, fault := between(r, 100*time.Microsecond, 3*time.Millisecond), r.IntN(100)
	if !b.u.chaos.Load() {
		fault = 100
	}
	if fault < 5 {
		delay = between(r, 500*time.Millisecond, 4*time.Second)
		b.u.happened.hit("stream: a publish came late")
	}
	if err := b.reach(ctx, delay); err != nil {
		return err
	}
	if err := b.point("before a publish", subject); err != nil {
		return err
	}
	switch {
	case fault >= 5 && fault < 12:
		b.u.note("fault", "%s %s: lost", b.name, operation)
		b.u.happened.hit("stream: a publish was lost")
		return nil
	case fault >= 12 && fault < 15:
		b.u.note("fault", "%s %s: refused", b.name, operation)
		b.u.happened.hit("stream: a publish was refused")
		return errStream
	case fault >= 15 && fault < 25:
		b.u.note("fault", "%s %s: comes twice", b.name, operation)
		b.u.happened.hit("stream: a publish was doubled")
		b.again(between(r, time.Millisecond, 30*time.Second), commands, events)
	}
	b.u.note(b.name, "%s", operation)
	if err := b.bus.Publish(ctx, commands, events); err != nil {
		return err
	}
	for _, c := range commands {
		b.u.evidence.publish(published{time.Now(), b.name, c})
	}
	return b.point("after a publish", subject)
}

// again publishes a second time, a while later.
func (b *simBus) again(after time.Duration, commands []verdict.Command, events []verdict.Event) {
	b.late.Go(func() {
		if b.reach(context.Background(), after) == nil {
			_ = b.bus.Publish(context.Background(), commands, events) // a copy is nobody's loss
		}
	})
}

func (b *simBus) Work(ctx context.Context, provider string, kind verdict.Kind, limit int, handle func(context.Context, verdict.Command) error) error {
	return b.bus.Work(ctx, provider, kind, limit, func(ctx context.Context, c verdict.Command) error {
		name := fmt.Sprintf("takes %s %s v%d", c.Kind, c.Transaction, c.Version)
		if err := b.reach(ctx, b.moment(name)); err != nil {
			return err
		}
		b.u.note(b.name, "%s", name)
		return handle(ctx, c)
	})
}

func (b *simBus) Follow(ctx context.Context, deliver func(verdict.Event)) error {
	return b.bus.Follow(ctx, func(e verdict.Event) {
		if b.reach(ctx, b.moment("push "+e.Transaction)) != nil || b.point("before a push", e.Transaction) != nil {
			return
		}
		deliver(e)
		_ = b.reach(ctx, b.moment("pushed "+e.Transaction)) // until the sockets have it
		_ = b.point("after a push", e.Transaction)
	})
}
