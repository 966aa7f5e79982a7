package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"verdict/bench/load"
)

// readyTimeout is how long a server may take until a client is subscribed.
const readyTimeout = 30 * time.Second

// Every server here is given, or gives, events that hold this; so the clients do the same work whichever they read from.
var event = []byte(`"status":"succeeded"`)

// subscribers are the clients of a target by their number.
type subscribers struct {
	env     Env
	ready   []byte // in a message: the client is subscribed; none: the head of an answer says it
	ping    string // a message to answer with itself; none: the protocol has its own
	all     []*subscriber
	closing atomic.Bool
	reading sync.WaitGroup
}

// subscriber is one client. Its fields are set by whoever watches for it, one at a time.
type subscriber struct {
	conn   io.Closer
	ready  chan error // receives nil once the client is subscribed
	stream chan error // receives how the last event stream has ended as it should; nil if there was none
}

func newSubscribers(env Env, ready string) *subscribers {
	s := &subscribers{env: env, ready: []byte(ready), all: make([]*subscriber, env.Clients)}
	for i := range s.all {
		s.all[i] = &subscriber{ready: make(chan error, 1)}
	}
	return s
}

// take handles a client's message.
func (s *subscribers) take(client int, message []byte) {
	switch {
	case bytes.Contains(message, event):
		s.env.Arrived(client, time.Now())
	case len(s.ready) > 0 && bytes.Contains(message, s.ready):
		s.tell(client, nil)
	}
}

func (s *subscribers) tell(client int, err error) {
	select {
	case s.all[client].ready <- err:
	default: // it has heard
	}
}

// awaitReady waits until the client is subscribed.
func (s *subscribers) awaitReady(ctx context.Context, client int) error {
	timeout := time.NewTimer(readyTimeout)
	defer timeout.Stop()
	select {
	case err := <-s.all[client].ready:
		return err
	case <-timeout.C:
		return fmt.Errorf("client %d isn't subscribed after %s", client, readyTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ended is what becomes of a connection that ends.
func (s *subscribers) ended(client int, err error) {
	if s.closing.Load() {
		return
	}
	err = errors.Join(err, errors.New("the connection ended"))
	s.tell(client, err)
	s.env.Broken(client, err)
}

// socket connects a client by WebSocket, unless it is connected.
func (s *subscribers) socket(ctx context.Context, client int, address, path string, protocols ...string) (*load.WebSocket, error) {
	sub := s.all[client]
	if ws, ok := sub.conn.(*load.WebSocket); ok {
		return ws, nil
	}
	ws, err := load.DialWebSocket(ctx, client, address, path, nil, protocols...)
	if err != nil {
		return nil, err
	}
	sub.conn = ws
	s.reading.Go(func() {
		s.ended(client, ws.Read(func(message []byte) {
			if s.ping != "" && string(message) == s.ping {
				ws.Say(s.ping) // if it fails, so does reading
				return
			}
			s.take(client, message)
		}))
	})
	return ws, nil
}

// stream has a client read an event stream, over the connection of the last one if the server has kept it. once says
// that the stream is to end after the client's event.
func (s *subscribers) stream(ctx context.Context, client int, address, path string, once bool) error {
	es, err := s.eventStream(ctx, client, address)
	if err != nil {
		return err
	}
	over := make(chan error, 1)
	s.all[client].stream = over
	s.reading.Go(func() {
		begun := func() {
			if len(s.ready) == 0 {
				s.tell(client, nil)
			}
		}
		err := es.Read(path, begun, func(data []byte) { s.take(client, data) })
		over <- err
		if !once || err != nil && !errors.Is(err, load.ErrEnds) {
			s.ended(client, err)
		}
	})
	return s.awaitReady(ctx, client)
}

// eventStream returns a client's connection, on which nothing is read, and makes one if need be.
func (s *subscribers) eventStream(ctx context.Context, client int, address string) (*load.EventStream, error) {
	sub := s.all[client]
	if sub.stream != nil {
		select {
		case err := <-sub.stream:
			if errors.Is(err, load.ErrEnds) {
				sub.conn.Close()
				sub.conn = nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if es, ok := sub.conn.(*load.EventStream); ok {
		return es, nil
	}
	es, err := load.DialEventStream(ctx, client, address)
	if err != nil {
		return nil, err
	}
	sub.conn = es
	return es, nil
}

func (s *subscribers) close() {
	s.closing.Store(true)
	for _, sub := range s.all {
		if sub.conn != nil {
			sub.conn.Close()
		}
	}
	s.reading.Wait()
}
