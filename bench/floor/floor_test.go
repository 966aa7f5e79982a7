package floor

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"verdict/bench/load"
)

// Every floor tells a subscriber that it is one, and then each event, byte for byte; and nobody else.
func TestFloorsPush(t *testing.T) {
	for name := range floors {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go Serve(name, l)
			address := l.Addr().String()
			one, other := subscribe(t, name, address, 1), subscribe(t, name, address, 2)
			for _, message := range []string{`{"n":1}`, `{"n":2}`} {
				publish(t, address, 1, message)
				if got := <-one; got != message {
					t.Errorf("heard %q, want %q", got, message)
				}
			}
			publish(t, address, 2, "mine")
			if got := <-other; got != "mine" {
				t.Errorf("the other heard %q", got)
			}
		})
	}
}

// subscribe returns what a subscriber hears after it is told that it is one.
func subscribe(t *testing.T, name, address string, id int) <-chan string {
	t.Helper()
	heard := make(chan string, 8)
	take := func(message []byte) { heard <- string(message) }
	if strings.HasPrefix(name, "gorilla") {
		ws, err := load.DialWebSocket(t.Context(), id, address, fmt.Sprint("/ws?id=", id), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.Close() })
		go ws.Read(take)
	} else {
		es, err := load.DialEventStream(t.Context(), id, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { es.Close() })
		go es.Read(fmt.Sprint("/sse?id=", id), func() {}, take)
	}
	if got := <-heard; got != Ready {
		t.Fatalf("first heard %q", got)
	}
	return heard
}

func publish(t *testing.T, address string, to int, message string) {
	t.Helper()
	answer, err := http.Post(fmt.Sprintf("http://%s/publish?to=%d", address, to), "application/json", strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("publish: %s", answer.Status)
	}
}
