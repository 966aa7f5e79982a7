package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"verdict/web"
)

// A turnstile bounds the connections of a listener, in all and from one address, and what the kernel holds for each. Streams are
// not counted: they have left the HTTP server's hands, and push.connections bounds them. One too many is closed at once, before
// TLS, for to refuse it politely would take what is short.
type turnstile struct {
	limit      int
	perAddress int // 0: as many as limit
	proxies    web.Proxies
	refused    *prometheus.CounterVec

	mu        sync.Mutex // guards what follows
	open      map[net.Conn]netip.Addr
	addresses map[netip.Addr]int
}

func newTurnstile(limit, perAddress int, proxies web.Proxies) *turnstile {
	t := &turnstile{
		limit: limit, perAddress: perAddress, proxies: proxies,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_http_connections_refused_total", Help: "Connections of apps and partners that were closed at once, by the limit they would have exceeded.",
		}, []string{"limit"}),
		open: map[net.Conn]netip.Addr{}, addresses: map[netip.Addr]int{},
	}
	for _, limit := range []string{"instance", "address"} { // so that the first is seen as an increase
		t.refused.WithLabelValues(limit)
	}
	return t
}

// changed is an http.Server's ConnState.
func (t *turnstile) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if reason := t.enter(conn); reason != "" {
			t.refused.WithLabelValues(reason).Inc()
			_ = conn.Close()
			return
		}
		boundBuffer(conn)
	case http.StateHijacked, http.StateClosed:
		t.leave(conn)
	}
}

// enter returns which limit there is no room for it by.
func (t *turnstile) enter(conn net.Conn) (limit string) {
	from, one := t.proxies.Client(conn.RemoteAddr().String())
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.open) >= t.limit:
		return "instance"
	case one && t.perAddress > 0 && t.addresses[from] >= t.perAddress:
		return "address"
	}
	t.open[conn] = from
	t.addresses[from]++
	return ""
}

// sendBuffer is how many bytes the kernel holds for a client that doesn't take them. Left to itself it takes megabytes, on which
// no deadline of ours has a hold: to the server they are written.
const sendBuffer = 64 << 10

func boundBuffer(conn net.Conn) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // one that has ended is found out by who serves it
	}
}

// leave forgets a connection; one that was refused is not known.
func (t *turnstile) leave(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, ok := t.open[conn]
	if !ok {
		return
	}
	delete(t.open, conn)
	if t.addresses[from]--; t.addresses[from] == 0 {
		delete(t.addresses, from)
	}
}

func (t *turnstile) count() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return float64(len(t.open))
}

func (t *turnstile) metrics() []prometheus.Collector {
	return []prometheus.Collector{t.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "verdict_http_connections", Help: "Open connections of apps and partners, streams aside.",
	}, t.count)}
}
