package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A frost is a proxy that can freeze a connection: it stays open on both sides, and neither hears anything any more.
type frost struct {
	target   string
	listener net.Listener
	copying  sync.WaitGroup

	mu    sync.Mutex // guards pipes and their frozen
	pipes map[string]*pipe
}

// pipe is a connection through a frost, by the client's address.
type pipe struct {
	near, far *net.TCPConn
	frozen    bool
}

func newFrost(t *testing.T, target string) *frost {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &frost{target: target, listener: l, pipes: map[string]*pipe{}}
	f.copying.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

func (f *frost) address() string { return f.listener.Addr().String() }

func (f *frost) accept() {
	for {
		near, err := f.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.DialTimeout("tcp", f.target, time.Second)
		if err != nil {
			near.Close()
			continue
		}
		p := &pipe{near: near.(*net.TCPConn), far: far.(*net.TCPConn)}
		f.mu.Lock()
		f.pipes[near.RemoteAddr().String()] = p
		f.mu.Unlock()
		f.copying.Go(func() { f.copy(p, p.near, p.far) })
		f.copying.Go(func() { f.copy(p, p.far, p.near) })
	}
}

// copy copies until either side ends, which ends the other in the same way, or until the frost.
func (f *frost) copy(p *pipe, to, from *net.TCPConn) {
	var buffer [4096]byte
	for {
		n, err := from.Read(buffer[:])
		f.mu.Lock()
		frozen := p.frozen
		f.mu.Unlock()
		if frozen {
			return
		}
		if n > 0 {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			f.end(p, errors.Is(err, io.EOF))
			return
		}
	}
}

func (f *frost) end(p *pipe, politely bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pipes, p.near.RemoteAddr().String())
	for _, c := range []*net.TCPConn{p.near, p.far} {
		if politely {
			c.Close()
		} else {
			reset(c)
		}
	}
}

// freeze freezes the connection that a client has from an address of its own.
func (f *frost) freeze(client net.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p, ok := f.pipes[client.String()]; ok {
		p.frozen = true
		_ = p.near.SetReadDeadline(time.Now()) // fails only on what is closed
		_ = p.far.SetReadDeadline(time.Now())
	}
}

func (f *frost) close() {
	f.listener.Close()
	f.mu.Lock()
	for _, p := range f.pipes {
		reset(p.near)
		reset(p.far)
	}
	f.mu.Unlock()
	f.copying.Wait()
}

// reset closes a connection without a FIN: the other side gets a RST.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0) // fails only on what is closed
	c.Close()
}
