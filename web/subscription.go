package web

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"verdict"
)

// subscription is a socket's interest in one transaction or in all. One in a transaction ends with its verdict.
type subscription struct {
	cancel func() // when it has returned, nothing more is queued

	mu        sync.Mutex // guards what follows; held while queueing, which doesn't block
	confirmed bool       // the client has been told that it is subscribed
	newest    verdict.Event
}

// take queues an event that the feed told, unless it is old; before the subscription is confirmed it is kept.
func (sub *subscription) take(e verdict.Event, queue func(verdict.Event)) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if e.ID <= sub.newest.ID {
		return
	}
	sub.newest = e
	if sub.confirmed {
		queue(e)
	}
}

// confirm queues the state that was on record, and what the feed has told since.
func (sub *subscription) confirm(current verdict.Event, queue func(verdict.Event)) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.confirmed = true
	queue(current)
	if sub.newest.ID > current.ID {
		queue(sub.newest)
	} else {
		sub.newest = current
	}
}

func (sub *subscription) over() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.newest.Settled
}

// handle does what a client's message asks. It returns an error if the socket has ended.
func (so *socket) handle(ctx context.Context, text []byte) error {
	m, err := readMessage(text)
	switch {
	case err != nil:
		return so.push(ctx, so.out, errorMessage{Code: codeMessage, Message: err.Error()}.text())
	case m.Type == "ping":
		return so.push(ctx, so.out, answerMessage{Type: "pong"}.text())
	case m.Type == "unsubscribe":
		so.unsubscribe(m.Transaction)
		return so.push(ctx, so.out, answerMessage{Type: "unsubscribed", Transaction: m.Transaction}.text())
	}
	so.unsubscribe(m.Transaction) // subscribing again begins anew
	if !so.hasRoom() {
		return so.push(ctx, so.out, errorMessage{codeSubscriptions, fmt.Sprintf("a socket may have %d; unsubscribe, or subscribe to all", maxSubscriptions), m.Transaction}.text())
	}
	if m.Transaction == "" {
		err = so.subscribeAll(ctx, m)
	} else {
		err = so.subscribe(ctx, m.Transaction)
	}
	switch {
	case err == nil || ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, verdict.ErrNotFound):
		return so.push(ctx, so.out, errorMessage{codeNotFound, "there is no such transaction", m.Transaction}.text())
	default:
		so.server.log.Error("subscribe", "error", err)
		return so.push(ctx, so.out, errorMessage{codeUnavailable, "the record can't be reached; subscribe again in a few seconds", m.Transaction}.text())
	}
}

// hasRoom forgets the subscriptions that have ended and reports whether there may be one more.
func (so *socket) hasRoom() bool {
	if len(so.subscriptions) < maxSubscriptions {
		return true
	}
	for transaction, sub := range so.subscriptions {
		if sub.over() {
			so.unsubscribe(transaction)
		}
	}
	return len(so.subscriptions) < maxSubscriptions
}

// subscribe queues the state of a transaction, and its verdict once it is told.
func (so *socket) subscribe(ctx context.Context, transaction string) error {
	sub := &subscription{}
	topic := verdict.Topic{Audience: so.audience, Transaction: transaction}
	sub.cancel = so.server.feed.Subscribe(topic, func(e verdict.Event) { // before the record is read
		if e.Settled {
			sub.take(e, so.offer)
		}
	})
	t, err := so.server.read(ctx, so.audience, transaction)
	if err != nil {
		sub.cancel()
		return err
	}
	so.subscriptions[transaction] = sub
	if err := so.push(ctx, so.out, answerMessage{Type: "subscribed", Transaction: transaction}.text()); err != nil {
		return err
	}
	sub.confirm(t.Event(), so.offer)
	return nil
}

// subscribeAll begins to pump the journal.
func (so *socket) subscribeAll(ctx context.Context, m clientMessage) error {
	verdicts, err := so.server.journals.open(ctx, so.audience, m.After, m.HasAfter)
	if err != nil {
		return err
	}
	pumping, stop := context.WithCancel(ctx)
	var pump sync.WaitGroup
	pump.Go(func() {
		defer verdicts.close()
		so.pump(pumping, verdicts)
	})
	so.subscriptions[""] = &subscription{cancel: func() {
		stop()
		pump.Wait()
	}}
	return nil
}

// pump hands the verdicts of a journal to the writer as fast as the client reads them. It leaves the queue alone: a long
// history would keep it full, and the client would be cut for it.
func (so *socket) pump(ctx context.Context, verdicts *reader) {
	if so.push(ctx, so.journal, answerMessage{Type: "subscribed", After: &verdicts.position}.text()) != nil {
		return
	}
	for {
		events, more, err := verdicts.next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				so.server.log.Error("read settled transactions", "error", err)
				so.end(errors.New("the record can't be reached; connect again and resume after the last event"))
			}
			return
		}
		for _, e := range events {
			if so.push(ctx, so.journal, eventMessage(e)) != nil {
				return
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// unsubscribe ends a subscription, if there is one.
func (so *socket) unsubscribe(transaction string) {
	if sub, ok := so.subscriptions[transaction]; ok {
		sub.cancel()
		delete(so.subscriptions, transaction)
	}
}
