// Command mercure is Mercure's hub for bench/push, as its package documents it, on net/http: it keeps no history, anybody may
// subscribe, and who publishes shows a token. Its releases put the same hub into Caddy.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/dunglas/mercure"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func main() {
	address := flag.String("address", "127.0.0.1:0", "where to listen")
	key := flag.String("key", "", "HS256 key of publishers' tokens")
	flag.Parse()
	if err := run(context.Background(), *address, []byte(*key)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, address string, key []byte) error {
	hub, err := mercure.NewHub(ctx,
		mercure.WithAnonymous(), mercure.WithPublisherJWT(key, "HS256"),
		mercure.WithHeartbeat(15*time.Second), mercure.WithWriteTimeout(0)) // a stream isn't ended while we measure
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/mercure", hub)
	mux.Handle("/metrics", promhttp.Handler())
	return http.ListenAndServe(address, mux)
}
