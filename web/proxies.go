package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks of our own proxies. What they write into X-Forwarded-For is believed, and nobody else's word. The
// header Forwarded (RFC 7239) is not read: whoever read both would have to know which of them a proxy passes on unseen.
type Proxies []netip.Prefix

// Client returns the network that a connection comes from: of IPv6 that of 64 bits, in which one client may have any address
// (RFC 4291 section 2.5.4). It is not that of one client if it is a proxy of ours, or on this machine, where proxies are too.
func (p Proxies) Client(remote string) (network netip.Addr, ofOne bool) {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}, false
	}
	from := at.Addr().Unmap()
	return networkOf(from), p.areOne(from)
}

// forwarded is Client for a request: the last address that isn't a proxy of ours.
func (p Proxies) forwarded(r *http.Request) (network netip.Addr, ofOne bool) {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	from := at.Addr().Unmap()
	if !p.has(from) {
		return networkOf(from), p.areOne(from)
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.has(from); i-- {
		hop, err := readHop(strings.TrimSpace(hops[i]))
		if err != nil {
			break // nobody we trust wrote it
		}
		from = hop.Unmap()
	}
	return networkOf(from), p.areOne(from)
}

func (p Proxies) has(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

func (p Proxies) areOne(a netip.Addr) bool { return !a.IsLoopback() && !p.has(a) }

// networkOf returns the first address of a client's network.
func networkOf(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	network, _ := a.Prefix(64) // which an address of IPv6 has
	return network.Addr()
}

// readHop reads an address, which some proxies write with its port.
func readHop(text string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(text)
}

// address names where a request comes from.
func (s *Server) address(r *http.Request) string {
	from, _ := s.proxies.forwarded(r)
	if !from.IsValid() {
		return r.RemoteAddr
	}
	return from.String()
}
