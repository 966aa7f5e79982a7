package web

import (
	"context"
	"fmt"

	"verdict"
)

// maxSubscriptions is how many transactions a socket may be subscribed to at once; all of them count as one.
const maxSubscriptions = 100

// errNoRoom: there are as many subscriptions as a socket may have.
var errNoRoom = errorMessage{
	Code: codeSubscriptions, Message: fmt.Sprintf("a socket may have %d; unsubscribe, or subscribe to all", maxSubscriptions),
}

// subscribe tells the state of a transaction after what answer makes of it, and later its verdict. Subscribing again
// begins anew; if it can't be done the old subscription stays.
func (t *talk) subscribe(ctx context.Context, id string, answer func(verdict.Transaction) []byte) error {
	t.forgetOver()
	if t.subscriptions[id] == nil && t.count() == maxSubscriptions {
		return errNoRoom
	}
	sub, tr, err := t.server.subscribe(ctx, verdict.Topic{Audience: t.principal.Audience, Transaction: id})
	if err != nil {
		return err
	}
	t.unsubscribe(id)
	if t.subscriptions == nil {
		t.subscriptions = map[string]*subscription{}
	}
	t.subscriptions[id] = sub
	t.say(answer(tr))
	if t.following { // which may tell the verdict before the state that was read
		sub.begin(tr.Event(), t.tell, func() { t.put(piece{state: &tr}) })
	} else {
		sub.begin(tr.Event(), t.tell, nil)
	}
	return nil
}

// subscribeAll follows all verdicts. Subscribing again begins anew.
func (t *talk) subscribeAll(ctx context.Context, m clientMessage) error {
	t.forgetOver()
	if !t.following && t.count() == maxSubscriptions {
		return errNoRoom
	}
	verdicts, err := t.server.journals.open(ctx, t.principal.Audience, m.From)
	if err != nil {
		return err
	}
	t.unfollow()
	t.following = true
	t.say(answerMessage{Type: "subscribed", Ref: m.Ref, After: &verdicts.at}.text())
	t.follow(verdicts)
	return nil
}

// unsubscribe ends a subscription, if there is one.
func (t *talk) unsubscribe(transaction string) {
	if sub, ok := t.subscriptions[transaction]; ok {
		sub.cancel()
		delete(t.subscriptions, transaction)
	}
}

// unsubscribeAll ends the subscription to all.
func (t *talk) unsubscribeAll() {
	t.following = false
	t.unfollow()
}

// release ends every subscription.
func (t *talk) release() {
	t.unsubscribeAll()
	for transaction := range t.subscriptions {
		t.unsubscribe(transaction)
	}
}

// forgetOver forgets the subscriptions that are over.
func (t *talk) forgetOver() {
	for transaction, sub := range t.subscriptions {
		if sub.over() {
			t.unsubscribe(transaction)
		}
	}
}

func (t *talk) count() int {
	if t.following {
		return len(t.subscriptions) + 1
	}
	return len(t.subscriptions)
}
