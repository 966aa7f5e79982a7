package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// A gate stands between a request and the wire. Once closed it knows for certain whether bytes of the request may have
// left: either a write was begun, or none ever will be.
type gate struct {
	ready func() error // says why the first byte may not leave any more
	state atomic.Int32
}

// The states of a gate. It leaves the first one once and for all.
const (
	unsent int32 = iota // no byte has left
	sent                // a write was begun: bytes may have left
	shut                // no byte has left, and none will
)

var (
	errLate = errors.New("too late to send it")
	errShut = errors.New("the call is over")
)

// pass is asked right before each write. Once the first was let through the others are too.
func (g *gate) pass() error {
	if g.state.Load() == unsent {
		if err := g.ready(); err != nil {
			return err
		}
		g.state.CompareAndSwap(unsent, sent)
	}
	if g.state.Load() == shut {
		return errShut
	}
	return nil
}

// close ends the wait for a first write, and reports whether there was one. It is needed after every call: net/http
// writes in a goroutine of its own, which may still be about to begin when the call has returned.
func (g *gate) close() (began bool) {
	g.state.CompareAndSwap(unsent, shut)
	return g.state.Load() == sent
}

// inTime says why a call may not begin any more. Both clocks count: the monotonic one stands still while a machine is
// suspended, and the wall clock can be set back.
func inTime(ctx context.Context, deadline time.Time) error {
	if now := time.Now(); !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0)) {
		return errLate
	}
	return ctx.Err()
}

// guard returns a context whose request passes the gate, from the moment it has its connection. What is written earlier
// is the TLS handshake.
func (g *gate) guard(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			conn := info.Conn
			if secured, ok := conn.(*tls.Conn); ok {
				conn = secured.NetConn()
			}
			conn.(*gatedConn).gate.Store(g)
		},
	})
}

// gatedConn is a connection whose writes pass the gate of the request it carries.
type gatedConn struct {
	net.Conn
	gate atomic.Pointer[gate] // nil until a guarded request has the connection
}

func (c *gatedConn) Write(b []byte) (int, error) {
	if g := c.gate.Load(); g != nil {
		if err := g.pass(); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(b)
}
