package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"verdict/web"
	"verdict/web/admin"
)

type adminConfig struct {
	Address string `koanf:"address"`
}

// validate refuses an address that others can reach, unless operators are asked who they are.
func (c adminConfig) validate(asked bool) error {
	if c.Address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil || !asked && !admin.Loopback(host) {
		return fmt.Errorf("address: %q; whoever reaches it may resolve transactions, so give one on loopback, such as 127.0.0.1:5001, or configure a key of role operator (verdict apikey NAME --role operator), or leave it empty for none", c.Address)
	}
	return nil
}

// listen returns nil if operators have no listener.
func (c adminConfig) listen() (net.Listener, error) {
	if c.Address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("config: admin.address: %w; stop what listens there, choose another, or leave it empty for none", err)
	}
	return listener, nil
}

// errStopping: it is the reason for not being ready that stands first when an instance ends.
var errStopping = errors.New("stopping")

// ready says why this instance should get no more requests.
func (g *gateway) ready() error {
	if g.stopping.Load() {
		return errStopping
	}
	return nil
}

// adminStop bounds how long operators' requests under way may take when the gateway has stopped.
const adminStop = 2 * time.Second

// runWith runs the gateway, and serves operators, if they have a listener, for as long.
func (g *gateway) runWith(ctx context.Context, operators, apps net.Listener) error {
	if operators == nil {
		return g.run(ctx, apps)
	}
	guard, err := g.config.operatorGuard(ctx, g.log)
	if err != nil {
		return err
	}
	desk := &admin.Desk{Store: g.store, Settler: g.settler, Ready: g.ready, Push: g.web.Metrics(), Log: g.log}
	server := &http.Server{
		Handler: web.NewAdmin(desk, guard, newID, g.log), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	g.log.Info("operators", "address", operators.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ignoreClosed(server.Serve(operators)) })
	group.Go(func() error {
		defer stopServer(server)
		return g.run(ctx, apps)
	})
	return group.Wait()
}

func stopServer(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), adminStop)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		server.Close()
	}
}
