package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A balancer stands before the instances. It passes requests on to them in turn, also to those that are starting or have
// ended: apps and partners see that as a gateway that can't be reached.
type balancer struct {
	address string

	mu        sync.Mutex // guards what follows
	instances []string   // addresses
	turn      int
	accepted  map[string]int // submits, by the instance that answered 2xx
}

func newBalancer(t *testing.T) *balancer {
	b := &balancer{accepted: map[string]int{}}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        b.choose,
		ModifyResponse: b.count,
		Transport:      &http.Transport{DisableKeepAlives: true}, // which net/http would use to send a request again
		ErrorLog:       log.New(io.Discard, "", 0),
	})
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	b.address = server.Listener.Addr().String()
	return b
}

func (b *balancer) choose(r *httputil.ProxyRequest) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	r.Out.URL.Scheme, r.Out.URL.Host = "http", b.instances[b.turn%len(b.instances)]
}

func (b *balancer) count(answer *http.Response) error {
	if r := answer.Request; r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/") && answer.StatusCode < 300 {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.accepted[r.URL.Host]++
	}
	return nil
}

func (b *balancer) acceptedBy(instance string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted[instance]
}

// add has requests go to an instance too; remove ends that.
func (b *balancer) add(instance string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.instances, instance) {
		b.instances = append(b.instances, instance)
	}
}

func (b *balancer) remove(instance string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.instances = slices.DeleteFunc(b.instances, func(i string) bool { return i == instance })
}
