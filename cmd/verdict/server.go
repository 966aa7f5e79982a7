package main

import (
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Bounds of what a connection may take, on every listener.
const (
	headerTimeout = 5 * time.Second  // of a request's head, and of a TLS handshake
	readTimeout   = 15 * time.Second // of a whole request; a body of ours has less
	writeTimeout  = time.Minute      // of an answer, from the request's head on; longer than any request may take. Streams set their own.
	idleTimeout   = 2 * time.Minute  // between requests; longer than load balancers keep a connection
	maxHeader     = 16 << 10         // bytes

	// operatorConnections bounds those of operators, and those of probes. A flood of apps takes none of them.
	operatorConnections = 200
)

// newServer returns a server of HTTP. Connections that the turnstile has no room for are closed.
func newServer(handler http.Handler, t *turnstile, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, ConnState: t.changed,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// serve serves until the server is closed.
func serve(server *http.Server, listener net.Listener) error {
	if server.TLSConfig != nil {
		return ignoreClosed(server.ServeTLS(listener, "", ""))
	}
	return ignoreClosed(server.Serve(listener))
}
