package web

import (
	"context"
	"sync"

	"verdict"
)

// subscription is a client's interest in one transaction. It is over with the verdict.
type subscription struct {
	transaction string
	cancel      func() // when it has returned, nothing more is told

	mu     sync.Mutex          // guards what follows
	tell   func(verdict.Event) // nil until the client has been told the state; doesn't block
	early  *verdict.Event      // that was told before the state
	newest int64               // number of what was told, or kept, last
	ended  bool                // it was the verdict
}

// subscribe returns a subscription, and the transaction as it stands. It returns verdict.ErrNotFound if the audience has no
// such transaction. Nothing is told before begin.
func (s *Server) subscribe(ctx context.Context, topic verdict.Topic) (*subscription, verdict.Transaction, error) {
	sub := &subscription{transaction: topic.Transaction}
	sub.cancel = s.feed.Subscribe(topic, sub.hear) // before the record is read, so that nothing falls between
	t, err := s.read(ctx, topic.Audience, topic.Transaction)
	if err != nil {
		sub.cancel()
	}
	return sub, t, err
}

// hear passes on a verdict that the feed told, unless it is old; before the state was told it is kept.
func (sub *subscription) hear(e verdict.Event) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if !e.Settled || e.ID <= sub.newest {
		return
	}
	sub.newest, sub.ended = e.ID, true
	if sub.tell != nil {
		sub.tell(e)
	} else {
		sub.early = &e
	}
}

// begin tells the state that was on record, with tellState if that isn't nil, and what the feed has told since.
func (sub *subscription) begin(current verdict.Event, tell func(verdict.Event), tellState func()) {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	sub.tell = tell
	if tellState != nil {
		tellState()
	} else {
		tell(current)
	}
	if sub.newest > current.ID {
		tell(*sub.early)
	} else {
		sub.newest, sub.ended = current.ID, current.Settled
	}
	sub.early = nil
}

func (sub *subscription) over() bool {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	return sub.ended
}
