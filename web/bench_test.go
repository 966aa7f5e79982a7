package web

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"verdict"
)

// BenchmarkPush measures how long it takes until a verdict that was committed has reached a thousand clients of
// /v1/events over loopback, the clients' own work included.
func BenchmarkPush(b *testing.B) {
	const clients = 1000
	w := newWorld(b)
	url := w.listen()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	heard := make(chan bool, clients)
	client := &http.Client{Transport: &http.Transport{}}
	for range clients {
		_, f := sseWith(b, ctx, client, url+"/v1/events")
		f.next()
		f.next()
		go func() {
			for {
				if _, ok := f.nextEvent(); !ok {
					return
				}
				heard <- true
			}
		}()
	}
	for i := 0; b.Loop(); i++ {
		w.settled(w.accept(fmt.Sprint("k", i)), verdict.OutcomeSucceeded)
		for range clients {
			<-heard
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/clients, "µs/client")
}
