package main

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"verdict/web"
)

// comer is a connection from an address.
type comer struct {
	net.Conn
	from   string
	closed bool
}

func (c *comer) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from))
}

func (c *comer) Close() error {
	c.closed = true
	return nil
}

func TestOneConnectionTooManyIsClosedAtOnce(t *testing.T) {
	turn := newTurnstile(7, 2, web.Proxies{netip.MustParsePrefix("10.0.0.0/8")})
	come := func(from string) *comer {
		c := &comer{from: from}
		turn.changed(c, http.StateNew)
		if c.closed {
			turn.changed(c, http.StateClosed)
		}
		return c
	}
	first := come("198.51.100.7:1")
	for i, tt := range []struct {
		from string
		in   bool
	}{
		{"198.51.100.7:2", true}, {"198.51.100.7:3", false}, {"[2001:db8::1]:1", true}, {"[2001:db8::2]:1", true},
		{"[2001:db8::3]:1", false},                                       // of the same network
		{"10.0.0.1:1", true}, {"10.0.0.1:2", true}, {"10.0.0.1:3", true}, // a proxy of ours
		{"10.0.0.1:4", false}, // there are seven
	} {
		if in := !come(tt.from).closed; in != tt.in {
			t.Errorf("%d, from %s: let in %t", i, tt.from, in)
		}
	}
	turn.changed(first, http.StateHijacked)
	turn.changed(first, http.StateClosed)
	if come("198.51.100.7:4").closed || !come("198.51.100.7:5").closed {
		t.Error("who became a stream makes room for one other")
	}
	for limit, want := range map[string]float64{"address": 2, "instance": 2} {
		var m dto.Metric
		if err := turn.refused.WithLabelValues(limit).Write(&m); err != nil {
			t.Fatal(err)
		}
		if m.GetCounter().GetValue() != want {
			t.Errorf("%s: %v refused, want %v", limit, m.GetCounter().GetValue(), want)
		}
	}
}

// TestAClientThatDoesntReadIsCut has an answer that is more than the kernel holds.
func TestAClientThatDoesntReadIsCut(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	server := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.Copy(w, strings.NewReader(strings.Repeat("x", 512<<10)))
		ended <- err
	}), newTurnstile(1, 0, nil), slog.New(slog.DiscardHandler))
	server.WriteTimeout = 200 * time.Millisecond
	var serving sync.WaitGroup
	serving.Go(func() { _ = serve(server, listener) })
	defer serving.Wait()
	defer server.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReaderSize(conn, 16).ReadByte(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the kernel took it all")
		}
	case <-time.After(patience):
		t.Error("it is still being written")
	}
}
