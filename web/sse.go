package web

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"verdict"
)

// streamError marks an error of a handler of server-sent events. EventSource gives up for good on 503, so a stream that
// can't be served now is answered with a time to come back.
type streamError struct{ error }

func (e streamError) Unwrap() error { return e.error }

// errFull: there are as many streams as we allow, or we are about to stop.
var errFull = refusal{kind: overloaded, detail: "There are too many streams. Connect again after the seconds in Retry-After."}

// stream runs a handler of server-sent events (the WHATWG's HTML standard, section 9.2) if there is room for it.
func (s *Server) stream(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodHead {
			streamHeaders(w.Header())
			return nil
		}
		if !s.streams.enter() {
			return streamError{errFull}
		}
		defer s.streams.leave()
		if err := h(w, r); err != nil {
			return streamError{err}
		}
		return nil
	}
}

// transactionEvents takes GET /v1/transactions/{id}/events: the state now, and the verdict once it is known. A client
// that comes back after the verdict is told not to come again.
func (s *Server) transactionEvents(w http.ResponseWriter, r *http.Request) error {
	a, id := caller(r), r.PathValue("id")
	verdicts, cancel := s.watch(a, id) // before the record is read, so that nothing falls between
	defer cancel()
	t, err := s.read(r.Context(), a, id)
	if err != nil {
		return err
	}
	now := t.Event()
	if now.Settled && r.Header.Get("Last-Event-ID") == strconv.FormatInt(now.ID, 10) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	st := openStream(w)
	if err := st.send(retryField(), event(now)); err != nil || now.Settled {
		return err
	}
	beat := newBeat(s.heartbeat)
	defer beat.Stop()
	for {
		select {
		case e := <-verdicts:
			return st.send(event(e))
		case <-beat.C:
			beat.Reset(s.heartbeat)
			if err := st.send(heartbeat); err != nil {
				return err
			}
		case <-s.streams.closing:
			return st.send(retryField())
		case <-r.Context().Done():
			return nil
		}
	}
}

// allEvents takes GET /v1/events: every verdict of the caller's, from a position or from now on.
func (s *Server) allEvents(w http.ResponseWriter, r *http.Request) error {
	after, told, err := position(r)
	if err != nil {
		return err
	}
	verdicts, err := s.journals.open(r.Context(), caller(r), after, told)
	if err != nil {
		return err
	}
	defer verdicts.close()
	st := openStream(w)
	if err := st.send(retryField(), idField(verdicts.position)); err != nil { // so that it can resume before the first event
		return err
	}
	beat := newBeat(s.heartbeat)
	defer beat.Stop()
	for {
		events, more, err := verdicts.next(r.Context())
		if err != nil {
			return err
		}
		if err := st.sendAll(events); err != nil {
			return err
		}
		select {
		case <-more:
		case <-beat.C:
			beat.Reset(s.heartbeat)
			if err := st.send(heartbeat); err != nil {
				return err
			}
		case <-s.streams.closing:
			return st.send(retryField())
		case <-r.Context().Done():
			return nil
		}
	}
}

// sendAway answers a client that is to come back later in a way that every EventSource obeys.
func (ro *router) sendAway(w http.ResponseWriter) {
	if err := openStream(w).send(retryField()); err != nil {
		ro.log.Debug("unanswered", "error", err)
	}
}

// eventStream writes server-sent events.
type eventStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func openStream(w http.ResponseWriter) eventStream {
	streamHeaders(w.Header())
	return eventStream{w, http.NewResponseController(w)}
}

func streamHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
}

// send writes fields that end with a blank line and passes them on at once. The client has writeTimeout for each write.
func (st eventStream) send(fields ...string) error {
	err := st.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	for _, field := range fields {
		if _, err := io.WriteString(st.w, field); err != nil {
			return fmt.Errorf("%w: %w", errGone, err)
		}
	}
	if err := st.control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

func (st eventStream) sendAll(events []verdict.Event) error {
	if len(events) == 0 {
		return nil
	}
	fields := make([]string, len(events))
	for i, e := range events {
		fields[i] = event(e)
	}
	return st.send(fields...)
}

// heartbeat is a comment: clients skip it, and whoever is between sees that the stream is alive.
const heartbeat = ":\n\n"

// event is a whole event: its data is JSON on one line.
func event(e verdict.Event) string {
	return "event: transaction\nid: " + strconv.FormatInt(e.ID, 10) + "\ndata: " + string(e.Data) + "\n\n"
}

// idField tells a position without an event.
func idField(id int64) string { return "id: " + strconv.FormatInt(id, 10) + "\n\n" }

// retryField gives a client its own time to come back once its stream has ended: 1 to 5 seconds, so that ten thousand
// don't come at once.
func retryField() string { return "retry: " + strconv.Itoa(1000+rand.IntN(4000)) + "\n\n" }

// newBeat returns a timer whose first tick lies anywhere within the interval: heartbeats of ten thousand streams at the
// same moment would hold up events.
func newBeat(interval time.Duration) *time.Timer {
	return time.NewTimer(1 + rand.N(interval))
}
