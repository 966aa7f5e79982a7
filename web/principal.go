package web

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
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

// address returns where a request comes from: the last address that isn't one of our own proxies. Of IPv6 it is the
// network of 64 bits, in which one client may have any address (RFC 4291 section 2.5.4).
func (s *Server) address(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	from := at.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.isProxy(from); i-- {
		hop, err := readHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break // nobody we trust wrote it
		}
		from = hop.Unmap()
	}
	if network, err := from.Prefix(64); err == nil && from.Is6() {
		return network.String()
	}
	return from.String()
}

// readHop reads an address, which some proxies write with its port.
func readHop(text string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(text)
}

func (s *Server) isProxy(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
