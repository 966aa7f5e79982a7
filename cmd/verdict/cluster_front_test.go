package main

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A roundRobin is a proxy that gives each connection to the next instance, as a load balancer does that knows nothing of
// HTTP. It passes over an instance that refuses, and cuts what it can't pass on.
type roundRobin struct {
	listener net.Listener
	targets  []string
	next     int // of the accepting goroutine only
}

func newRoundRobin(t *testing.T, targets ...string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &roundRobin{listener: listener, targets: targets}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { r.serve(ctx) })
	t.Cleanup(func() {
		cancel()
		listener.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

// serve passes connections on until the listener is closed and ctx has ended.
func (r *roundRobin) serve(ctx context.Context) {
	var passing sync.WaitGroup
	defer passing.Wait()
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.next++
		first := r.next
		passing.Go(func() { r.pass(ctx, client, first) })
	}
}

func (r *roundRobin) pass(ctx context.Context, client net.Conn, first int) {
	defer client.Close()
	server := r.dial(first)
	if server == nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() {
		client.Close()
		server.Close()
	})()
	var up sync.WaitGroup
	up.Go(func() {
		_, _ = io.Copy(server, client) // a connection that breaks ends like one that was closed
		server.Close()
	})
	_, _ = io.Copy(client, server)
	client.Close()
	up.Wait()
}

// dial connects to the first of the instances that takes the connection, nil if none does.
func (r *roundRobin) dial(first int) net.Conn {
	for n := range r.targets {
		server, err := net.DialTimeout("tcp", r.targets[(first+n)%len(r.targets)], time.Second)
		if err == nil {
			return server
		}
	}
	return nil
}
