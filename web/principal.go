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

// knowing is a context of a request that holds who makes it.
func knowing(ctx context.Context, v visitor) context.Context {
	return context.WithValue(ctx, visitorKey{}, v)
}

// identify finds out who makes a request, and bounds how long handling it may take.
func (s *Server) identify(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := s.guard.Identify(r)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTimeout)
		defer cancel()
		return h(w, r.WithContext(knowing(ctx, visitor{Principal: p})))
	}
}

// identifyByTicket is identify for streams, which have no bound, and where a ticket in the URL is as good as a header, once:
// a browser can't send headers with them.
func (s *Server) identifyByTicket(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := s.visitor(r)
		if err != nil {
			return err
		}
		return h(w, r.WithContext(knowing(r.Context(), v)))
	}
}

// visitor is who asks for a stream, by a ticket or by a header.
func (s *Server) visitor(r *http.Request) (v visitor, err error) {
	ticket := r.URL.Query().Get("ticket")
	switch {
	case ticket == "":
		v.Principal, err = s.guard.Identify(r)
	case r.Header.Get("Authorization") != "":
		err = fmt.Errorf("%w: send a ticket or the Authorization header, not both", auth.ErrRefused)
	default:
		v.Principal, v.ticket, v.expires, err = s.tickets.Open(ticket, time.Now())
	}
	return v, err
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
