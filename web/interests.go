package web

import (
	"context"
	"fmt"
	"slices"

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
	if t.subscriptionTo(id) < 0 && t.count() == maxSubscriptions {
		return errNoRoom
	}
	sub, tr, err := t.server.subscribe(ctx, verdict.Topic{Audience: t.principal.Audience, Transaction: id})
	if err != nil {
		return err
	}
	t.unsubscribe(id)
	t.subscriptions = append(t.subscriptions, sub)
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

// subscriptionTo returns which subscription is to a transaction, below 0 if none is.
func (t *talk) subscriptionTo(transaction string) int {
	return slices.IndexFunc(t.subscriptions, func(s *subscription) bool { return s.transaction == transaction })
}

// unsubscribe ends a subscription, if there is one.
func (t *talk) unsubscribe(transaction string) {
	if i := t.subscriptionTo(transaction); i >= 0 {
		t.subscriptions[i].cancel()
		t.subscriptions = slices.Delete(t.subscriptions, i, i+1)
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
	for _, sub := range t.subscriptions {
		sub.cancel()
	}
	t.subscriptions = nil
}

// forgetOver forgets the subscriptions that are over.
func (t *talk) forgetOver() {
	t.subscriptions = slices.DeleteFunc(t.subscriptions, func(sub *subscription) bool {
		over := sub.over()
		if over {
			sub.cancel()
		}
		return over
	})
}

func (t *talk) count() int {
	if t.following {
		return len(t.subscriptions) + 1
	}
	return len(t.subscriptions)
}
