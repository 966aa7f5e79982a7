package web

import (
	"net/http"
	"time"

	"verdict"
)

// streamError marks an error of a handler of server-sent events.
type streamError struct{ error }

func (e streamError) Unwrap() error { return e.error }

// stream gives a handler of server-sent events a seat, if there is one.
func (s *Server) stream(h func(w http.ResponseWriter, r *http.Request, at *seat) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodHead {
			streamHeaders(w.Header())
			return nil
		}
		at, err := s.enter(r, "sse")
		if err != nil {
			return err
		}
		defer at.leaveUnheld()
		return h(w, r, at)
	}
}

// forEventSources has an EventSource come back that can't be served now: it would give up for good on 429 and 503.
func forEventSources(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := h(w, r); err != nil {
			return streamError{err}
		}
		return nil
	}
}

// transactionEvents takes GET /v1/transactions/{id}/events: the state now, and the verdict once it is known. A client
// that comes back after the verdict is told not to come again.
func (s *Server) transactionEvents(w http.ResponseWriter, r *http.Request, at *seat) error {
	from, err := readPosition(r)
	if err != nil {
		return err
	}
	sub, t, err := s.subscribe(r.Context(), verdict.Topic{Audience: caller(r), Transaction: r.PathValue("id")})
	if err != nil {
		return err
	}
	now := t.Event()
	if now.Settled && from.told && from.after == now.ID {
		sub.cancel()
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return s.serveEvents(w, r, at, sub.cancel, func(l *line) {
		l.say(retryField(comeBack()))
		sub.begin(now, func(e verdict.Event) {
			l.tell(e)
			if e.Settled {
				l.end(errTold)
			}
		}, nil)
	})
}

// allEvents takes GET /v1/events: every verdict of the caller's, from a position or from now on.
func (s *Server) allEvents(w http.ResponseWriter, r *http.Request, at *seat) error {
	from, err := readPosition(r)
	if err != nil {
		return err
	}
	verdicts, err := s.journals.open(r.Context(), caller(r), from)
	if err != nil {
		return err
	}
	return s.serveEvents(w, r, at, verdicts.close, func(l *line) {
		l.say(retryField(comeBack()))
		l.say(positionEvent(verdicts.at)) // so that it can resume before the first event
		l.follow(verdicts)
	})
}

// serveEvents turns the answer to a request into a line that begin begins, and release is called at its end.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request, at *seat, release func(), begin func(*line)) error {
	out, own, err := takeOver(w, r)
	if err != nil {
		release()
		return err
	}
	l := s.newLine(eventStream{out}, at, principal(r).Expires)
	begin(l)
	if own {
		go l.serve(out.listen, release) // Drain waits for it
	} else {
		l.serve(out.listen, release)
	}
	return nil
}

// sendAway answers a client that is to come back after so long in a way that every EventSource obeys.
func (ro *router) sendAway(w http.ResponseWriter, after time.Duration) {
	streamHeaders(w.Header())
	if _, err := w.Write(retryField(after)); err != nil {
		ro.log.Debug("unanswered", "error", err)
	}
}
