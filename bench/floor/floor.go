// Package floor holds the simplest servers that push an event to one of many idle connections. They keep nothing, check
// nothing and promise nothing: what Verdict takes beyond them is the price of what it promises.
//
//	GET /ws?id=ID, GET /sse?id=ID   connect as a subscriber; the first message is Ready
//	POST /publish?to=ID             sends the body to that subscriber
//	GET /metrics                    what the Go runtime tells of itself
package floor

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Ready is the message that tells a subscriber that it is one.
const Ready = `{"status":"pending"}`

// Names of the floors.
const (
	GorillaUsual = "gorilla-usual"
	GorillaLean  = "gorilla-lean"
	NetHTTP      = "nethttp-sse"
	Hijacked     = "hijacked-sse"
)

// queue is how many messages may wait for a subscriber.
const queue = 256

// floors are the handlers that connect a subscriber.
var floors = map[string]func(*hub) http.HandlerFunc{
	GorillaUsual: usualSocket, GorillaLean: leanSocket, NetHTTP: plainStream, Hijacked: hijackedStream,
}

// Serve runs a floor until the listener is closed.
func Serve(name string, listener net.Listener) error {
	connect, ok := floors[name]
	if !ok {
		return fmt.Errorf("there is no floor %q; give one of %v", name, slices.Sorted(maps.Keys(floors)))
	}
	h := &hub{subscribers: map[string]func([]byte) error{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /publish", h.publish)
	mux.HandleFunc("GET /ws", connect(h))
	mux.HandleFunc("GET /sse", connect(h))
	mux.Handle("GET /metrics", promhttp.Handler())
	return (&http.Server{Handler: mux}).Serve(listener)
}

// hub finds the subscriber of an id.
type hub struct {
	mu          sync.RWMutex
	subscribers map[string]func(message []byte) error
}

func (h *hub) add(id string, send func([]byte) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.subscribers[id] = send
}

func (h *hub) remove(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subscribers, id)
}

func (h *hub) publish(w http.ResponseWriter, r *http.Request) {
	message, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.RLock()
	send, ok := h.subscribers[r.URL.Query().Get("to")]
	h.mu.RUnlock()
	if !ok {
		http.Error(w, "no such subscriber", http.StatusNotFound)
		return
	}
	if err := send(message); err != nil {
		http.Error(w, err.Error(), http.StatusGone)
	}
}
