package web

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestAStreamOverHTTP2OutlivesTheDeadlineOfItsLastWrite has nothing to write for longer than a write may take.
func TestAStreamOverHTTP2OutlivesTheDeadlineOfItsLastWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.Heartbeat = 3 * writeTimeout })
		p := &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Handler: w.server, Protocols: &protocols, WriteTimeout: writeTimeout, ReadTimeout: writeTimeout}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(p) })
		defer serving.Wait()
		defer server.Close()
		client := &http.Transport{Protocols: &protocols, DialContext: p.dial}
		defer client.CloseIdleConnections()
		request, err := http.NewRequestWithContext(t.Context(), "GET", "http://pipe/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.ProtoMajor != 2 {
			t.Fatalf("%s is spoken", answer.Proto)
		}
		began, beats := time.Now(), 0
		for lines := bufio.NewScanner(answer.Body); beats < 10 && lines.Scan(); {
			if lines.Text() == ":" {
				beats++
			}
		}
		if beats < 10 {
			t.Errorf("it ended after %s and %d beats", time.Since(began), beats)
		}
	})
}
