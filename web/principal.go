package web

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"verdict"
	"verdict/web/auth"
)

// visitorKey is where the context of a request holds who makes it.
type visitorKey struct{}

// visitor is who makes a request, and the ticket by which that is known, if it is by one.
type visitor struct {
	auth.Principal
	ticket  string // its id
	expires time.Time
}

func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// principal returns who makes a request that identify has let through.
func principal(r *http.Request) auth.Principal { return visitorOf(r).Principal }

// caller is whose transactions a request may see.
func caller(r *http.Request) verdict.Audience { return principal(r).Audience }

// identify finds out who makes a request before it is handled.
func (s *Server) identify(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.guard.Identify(r)
		if err != nil {
			return err
		}
		return h(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, visitor{Principal: p})))
	}
}

// identifyByTicket is identify for streams, where a ticket in the URL is as good, once: a browser can't send headers with
// them.
func (s *Server) identifyByTicket(h handler) handler {
	byHeader := s.identify(h)
	return func(w http.ResponseWriter, r *http.Request) error {
		ticket := r.URL.Query().Get("ticket")
		if ticket == "" {
			return byHeader(w, r)
		}
		if r.Header.Get("Authorization") != "" {
			return fmt.Errorf("%w: send a ticket or the Authorization header, not both", auth.ErrRefused)
		}
		var v visitor
		var err error
		if v.Principal, v.ticket, v.expires, err = s.tickets.Open(ticket, time.Now()); err != nil {
			return err
		}
		return h(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	}
}

// enter returns a seat for a stream, and then uses up the ticket that it is asked for with: one that finds no room is good
// for another try.
func (s *Server) enter(r *http.Request, transport string) (*seat, error) {
	v := visitorOf(r)
	at, err := s.streams.enter(v.Principal, s.address(r), transport)
	if err != nil || v.ticket == "" {
		return at, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTimeout)
	defer cancel()
	first, err := s.store.Spend(ctx, "ticket "+v.ticket, v.expires)
	if err == nil && !first {
		err = fmt.Errorf("%w: the ticket has been used; fetch another", auth.ErrRefused)
	}
	if err != nil {
		at.leave()
	}
	return at, err
}

// ticketAnswer is what POST /v1/tickets tells.
type ticketAnswer struct {
	Ticket    string    `json:"ticket"`
	ExpiresAt time.Time `json:"expires_at"`
}

// issueTicket takes POST /v1/tickets.
func (s *Server) issueTicket(w http.ResponseWriter, r *http.Request) error {
	ticket, expires := s.tickets.Issue(principal(r), time.Now())
	return writeJSON(w, http.StatusCreated, ticketAnswer{ticket, expires.UTC()})
}
