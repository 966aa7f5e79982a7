package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"verdict"
	"verdict/web/auth"
)

// created is a store that takes everything for new, and keeps nothing.
type created struct{ verdict.Store }

func (created) Create(_ context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	return t, true, nil
}

// BenchmarkSubmit measures what POST /v1/transactions costs us: neither the network and net/http, but for its copy of the
// headers, nor the record.
func BenchmarkSubmit(b *testing.B) {
	key := auth.NewKey()
	guard, err := auth.New(b.Context(), auth.Config{Keys: map[string]auth.Key{
		"ama": {Hash: auth.Hash(key), Role: auth.App, Tenant: "shop"},
	}})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b, func(c *Config) {
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		c.Intake.Store, c.Intake.Log = created{c.Intake.Store}, log
		c.Guard, c.Log, c.Rates = guard, log, Rates{PerUser: 1e9, PerTenant: 1e9, PerAddress: 1e9}
	})
	const body = `{"operation":"transfer","provider":"djamo","payload":{"amount":1000,"currency":"XOF","account":"0700000000","branch":"12","note":"rent"}}`
	header := http.Header{"Authorization": {"Bearer " + key}, "Content-Type": {"application/json"}}
	at := &url.URL{Path: "/v1/transactions"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		header["Idempotency-Key"] = []string{strconv.Itoa(i)}
		r := &http.Request{
			Method: http.MethodPost, URL: at, RequestURI: at.Path, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Host: "api.example", RemoteAddr: "192.0.2.1:4711", Header: header,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}
		ctx, cancel := context.WithCancel(b.Context()) // net/http has one for each request
		answer := httptest.NewRecorder()
		w.server.ServeHTTP(answer, r.WithContext(ctx))
		cancel()
		if answer.Code != http.StatusAccepted {
			b.Fatal(answer.Code, answer.Body)
		}
	}
}

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
