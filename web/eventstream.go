package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"verdict"
)

// eventStream is the wire of server-sent events (the WHATWG's HTML standard, section 9.2).
type eventStream struct{ out output }

func (s eventStream) event(e verdict.Event, _ bool) []byte {
	text := make([]byte, 0, len(e.Data)+64)
	text = append(text, "event: transaction\nid: "...)
	text = strconv.AppendInt(text, e.ID, 10)
	text = append(text, "\ndata: "...)
	text = append(text, e.Data...) // JSON on one line
	return append(text, "\n\n"...)
}

func (s eventStream) reauth(time.Time) []byte { return nil }

func (s eventStream) send(texts [][]byte) error { return s.sendWithin(writeTimeout, texts...) }

func (s eventStream) sendWithin(timeout time.Duration, texts ...[]byte) error {
	err := s.out.SetWriteDeadline(time.Now().Add(timeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.out.Write(bytes.Join(texts, nil)); err != nil {
		return err
	}
	return s.out.Flush()
}

// beat sends a comment: clients skip it, and whoever is between sees that the stream is alive.
func (s eventStream) beat() error { return s.sendWithin(writeTimeout, []byte(":\n\n")) }

// end says nothing of where to resume: the client has the id of the last event. Whether it hears the rest or not, it comes
// back.
func (s eventStream) end(why error, _ string, _ <-chan struct{}) {
	defer s.cut()
	switch {
	case errors.Is(why, errTold), errors.Is(why, errGone), errors.Is(why, errSlow):
	case errors.Is(why, errExpired):
		_ = s.sendWithin(closeTimeout, fmt.Appendf(nil, "event: reauth\ndata: {\"expires_at\":%q}\n\n", time.Now().UTC().Format(time.RFC3339)), retryField(comeBack()))
	default:
		_ = s.sendWithin(closeTimeout, retryField(comeBack()))
	}
}

func (s eventStream) cut() { _ = s.out.Close() }

// positionEvent tells where a stream of all begins. An id alone would do, but clients have been seen that drop a block
// without data and with it the id (npm's eventsource does).
func positionEvent(at int64) []byte {
	return fmt.Appendf(nil, "event: position\nid: %d\ndata: {\"after\":%[1]d}\n\n", at)
}

// retryField gives a client its own time to come back once its stream has ended.
func retryField(after time.Duration) []byte {
	return fmt.Appendf(nil, "retry: %d\n\n", after.Milliseconds())
}

// comeBack is how long a client is to wait before it comes back: 0.1 to 1 s, so that those who are told together don't come
// together. When an instance stops they aren't told together either.
func comeBack() time.Duration {
	return 100*time.Millisecond + rand.N(900*time.Millisecond) // #nosec G404 -- it spreads clients in time, and nothing depends on its being unguessable
}

func streamHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
}

// output is what an event stream is written to.
type output interface {
	io.Writer
	SetWriteDeadline(t time.Time) error
	Flush() error
	Close() error // ends listen; may be called again, and at any time
	listen()      // returns when the connection has ended
}

// takeOver begins an answer that is a stream. It takes the connection out of net/http's hands, which needs six times the
// memory for it (two goroutines, their buffers, and the request). Where that can't be done, as with HTTP/2, the stream is
// not our own and lives as long as the handler.
func takeOver(w http.ResponseWriter, r *http.Request) (out output, own bool, err error) {
	h := w.Header()
	streamHeaders(h)
	conn, _, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		w.WriteHeader(http.StatusOK)
		return newLent(w, r), false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errGone, err)
	}
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	head := bytes.NewBufferString("HTTP/1.1 200 OK\r\n")
	err = errors.Join(h.Write(head), conn.SetWriteDeadline(time.Now().Add(writeTimeout)))
	head.WriteString("\r\n")
	if _, failed := conn.Write(head.Bytes()); err != nil || failed != nil {
		conn.Close()
		return nil, false, fmt.Errorf("%w: %w", errGone, errors.Join(err, failed))
	}
	return owned{conn}, true, nil
}

// owned is a connection that was taken out of net/http's hands.
type owned struct{ net.Conn }

func (owned) Flush() error { return nil }

// listen reads what a client has to say that has said it all: a few bytes behind its request at the most.
func (c owned) listen() {
	var discarded [64]byte
	for range 64 {
		if _, err := c.Read(discarded[:]); err != nil {
			return
		}
	}
}

// lent is an answer that net/http writes.
type lent struct {
	http.ResponseWriter
	control *http.ResponseController
	request *http.Request
	closed  context.Context
	close   context.CancelFunc
}

func newLent(w http.ResponseWriter, r *http.Request) *lent {
	a := &lent{ResponseWriter: w, control: http.NewResponseController(w), request: r}
	a.closed, a.close = context.WithCancel(context.Background())
	return a
}

func (a *lent) SetWriteDeadline(t time.Time) error { return a.control.SetWriteDeadline(t) }

// Flush lifts the deadline of the write that it ends: HTTP/2 would end the answer when it passes, although nothing is being
// written.
func (a *lent) Flush() error {
	err := a.control.Flush()
	if lifted := a.control.SetWriteDeadline(time.Time{}); err == nil && !errors.Is(lifted, http.ErrNotSupported) {
		err = lifted
	}
	return err
}

func (a *lent) Close() error {
	a.close()
	return a.control.SetWriteDeadline(time.Now())
}

func (a *lent) listen() {
	select {
	case <-a.request.Context().Done():
	case <-a.closed.Done():
	}
}
