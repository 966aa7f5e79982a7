package goclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"verdict"
)

// Event tells the state of a transaction. The same ID always comes with the same Data.
type Event struct {
	ID          int64 // from the gateway's record; it grows with every change
	Transaction verdict.View
	Data        json.RawMessage // the transaction as it came
}

// Settled reports whether the event is a verdict.
func (e Event) Settled() bool { return e.Transaction.Stage == verdict.StageSettled }

// Position is where a stream of all verdicts begins. The zero value is: now.
type Position struct {
	After       *int64 // the number of the last event that is known; 0 is the very beginning; nil: now
	Unconfirmed bool   // and before it all verdicts that nobody has confirmed
}

// Watch yields the state of a transaction and then its verdict, each once. It comes back when the connection breaks, for as
// long as it takes; a connection that is silent for 40 s is broken.
//
// It ends after the verdict, or with an error: that of ctx or of Token, a *Problem if the gateway refused, or what is wrong
// with a server that doesn't speak the protocol.
func (c *Client) Watch(ctx context.Context, id string) iter.Seq2[Event, error] {
	return c.stream(ctx, stream{path: "/v1/transactions/" + url.PathEscape(id) + "/events", position: unknown, retry: untold, one: true})
}

// Events yields the verdicts of all the user's transactions in the order of their numbers, each once, beginning at a
// position. It comes back as Watch does, and ends with an error alone. With Unconfirmed, each new connection tells again
// what nobody has confirmed since; of that too only what is new is yielded.
func (c *Client) Events(ctx context.Context, from Position) iter.Seq2[Event, error] {
	s := stream{path: "/v1/events", position: unknown, retry: untold}
	if from.After != nil {
		s.position = *from.After
	}
	if from.Unconfirmed {
		s.path += "?unconfirmed=true"
	}
	return c.stream(ctx, s)
}

// unknown is the position of a stream that was told none.
const unknown = -1

// stream is what is known of a stream across its connections.
type stream struct {
	path     string
	one      bool          // it ends with the first verdict
	position int64         // that the next connection resumes after
	newest   int64         // the number of the last event that was yielded
	retry    time.Duration // how soon to come back, as the gateway told last
	failures int           // connections in a row that were no streams
}

// stream yields the events of one connection after the other.
func (c *Client) stream(ctx context.Context, begin stream) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := begin
		for {
			over, err := c.connect(ctx, &s, func(e Event) bool { return yield(e, nil) })
			if over {
				return
			}
			if mayPass(err) {
				err = sleep(ctx, s.pause(err))
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// take returns the event that a block is, if it is to be yielded, and keeps the position. What isn't known is left alone:
// the gateway may be newer than we are.
func (s *stream) take(f frame) (e Event, isNew bool, err error) {
	if f.hasID {
		if e.ID, err = strconv.ParseInt(f.id, 10, 64); err != nil {
			return e, false, finalError{fmt.Errorf("the stream has an id %q, which is no number", f.id)}
		}
	}
	switch {
	case f.event == "position":
		s.begin(e.ID)
		return e, false, nil
	case f.event != "transaction":
		return e, false, nil
	case !f.hasID:
		return e, false, finalError{errors.New("the stream has an event without a number")}
	}
	e.Data = json.RawMessage(f.data)
	if err := json.Unmarshal(e.Data, &e.Transaction); err != nil {
		return e, false, finalError{fmt.Errorf("read event %d: %w", e.ID, err)}
	}
	s.position = max(s.position, e.ID) // what nobody has confirmed comes before the position
	if e.ID <= s.newest && !(s.one && e.Settled()) {
		return e, false, nil
	}
	s.newest = e.ID
	return e, true, nil
}

// begin takes the position that a connection begins at. One before what was yielded is of a record that was set back: its
// numbers say nothing about ours.
func (s *stream) begin(at int64) {
	s.position = at
	if at < s.newest {
		s.newest = 0
	}
}
