package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// fate is what a connection meets with.
type fate string

const (
	fateNone      fate = ""
	fateRefused   fate = "refused"
	fateUnheard   fate = "reset before the request" // it was written and never arrives
	fateReset     fate = "reset after the request"
	fateLost      fate = "answer lost"
	fateTruncated fate = "answer truncated"
	fateCut       fate = "cut" // a stream, after a while
)

var errReset = &net.OpError{Op: "read", Net: "pipe", Err: syscall.ECONNRESET}

// operationKey is the context key of what a connection is dialled for.
type operationKey struct{}

func withOperation(ctx context.Context, operation string) context.Context {
	return context.WithValue(ctx, operationKey{}, operation)
}

// network dials with faults. Each request has a connection of its own.
func (u *universe) network(fates []fate, dial func(ctx context.Context, address string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		operation, _ := ctx.Value(operationKey{}).(string)
		r := u.draw("net " + operation)
		f := fateNone
		if u.chaos.Load() && r.IntN(4) == 0 {
			f = fates[r.IntN(len(fates))]
		}
		if err := sleep(ctx, between(r, 50*time.Microsecond, 20*time.Millisecond)); err != nil {
			return nil, err
		}
		if f == fateRefused {
			u.note("fault", "%s: %s", operation, f)
			u.happened.hit("network: " + string(f))
			return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
		}
		conn, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		c := &faultyConn{Conn: conn, u: u, operation: operation, fate: f, after: between(r, time.Millisecond, 3*time.Second)}
		if f == fateCut {
			c.closeAfter(between(r, time.Second, 40*time.Second))
		}
		return c, nil
	}
}

// clientTransport is HTTP over such a network.
func clientTransport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{DialContext: dial, DisableKeepAlives: true, DisableCompression: true}
}

// faultyConn is the client's end of a connection.
type faultyConn struct {
	net.Conn
	u         *universe
	operation string
	fate      fate
	after     time.Duration // when a reset follows the request
	struck    sync.Once
	timer     *time.Timer
}

func (c *faultyConn) strike() {
	c.struck.Do(func() {
		c.u.note("fault", "%s: %s", c.operation, c.fate)
		c.u.happened.hit("network: " + string(c.fate))
		c.Conn.Close()
	})
}

func (c *faultyConn) closeAfter(d time.Duration) { c.timer = time.AfterFunc(d, c.strike) }

func (c *faultyConn) Write(b []byte) (int, error) {
	if c.fate == fateUnheard {
		c.strike()
		return len(b), nil
	}
	n, err := c.Conn.Write(b)
	if c.fate == fateReset && c.timer == nil {
		c.closeAfter(c.after)
	}
	return n, err
}

func (c *faultyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case err != nil:
		return n, err
	case c.fate == fateLost:
		c.strike()
		return 0, errReset
	case c.fate == fateTruncated:
		c.strike()
		return n / 2, nil
	}
	return n, nil
}

func (c *faultyConn) Close() error {
	c.struck.Do(func() {})
	if c.timer != nil {
		c.timer.Stop()
	}
	return c.Conn.Close()
}

// closeSlot is longer than the jitter of net/http by far.
const closeSlot = 5 * time.Second

// heldConn is an instance's end of a connection: it breaks when the instance dies, and is silent while it is paused. It
// has no deadlines but those that interrupt, since pings and signs of life, which set the others, come at random.
type heldConn struct {
	net.Conn
	life  *life
	name  connectionName
	after time.Duration // what it takes the instance to notice something after the others
}

// connectionName tells connections apart. Handlers find it in the context of a request as its local address.
type connectionName string

func (connectionName) Network() string  { return "pipe" }
func (n connectionName) String() string { return string(n) }

// keep has a connection break when the instance dies.
func (l *life) keep(conn net.Conn) *heldConn {
	after := l.moment("connection")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isDead() {
		conn.Close()
	}
	l.accepted++
	l.conns[conn] = struct{}{}
	return &heldConn{conn, l, connectionName(fmt.Sprintf("connection %d", l.accepted)), after}
}

func (c *heldConn) LocalAddr() net.Addr { return c.name }

func (c *heldConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		time.Sleep(c.after)
	}
	return n, errors.Join(err, c.life.awake(c.after))
}

func (c *heldConn) Write(b []byte) (int, error) {
	if err := c.life.awake(c.after); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *heldConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *heldConn) SetReadDeadline(t time.Time) error {
	if t.After(time.Now()) {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *heldConn) SetWriteDeadline(t time.Time) error {
	if t.After(time.Now()) {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// Close ends the connection. While the instance shuts down, net/http closes what is idle at moments of its own; the other
// side notices in the next slot of closeSlot.
func (c *heldConn) Close() error {
	wait, stopping := c.life.stoppedFor()
	if !stopping {
		return c.close()
	}
	time.AfterFunc(closeSlot-wait%closeSlot+c.after, func() { _ = c.close() })
	return nil
}

func (c *heldConn) close() error {
	c.life.mu.Lock()
	delete(c.life.conns, c.Conn)
	c.life.mu.Unlock()
	return c.Conn.Close()
}
