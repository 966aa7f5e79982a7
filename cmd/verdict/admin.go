package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/errgroup"

	"verdict/web"
	"verdict/web/admin"
)

type adminConfig struct {
	Address string    `koanf:"address"`
	Probes  string    `koanf:"probes"`
	MinFree string    `koanf:"min_free_disk"`
	TLS     pairFiles `koanf:"tls"`
}

// validate refuses an address that others can reach, unless operators are asked who they are.
func (c adminConfig) validate(asked bool) error {
	if _, _, err := net.SplitHostPort(c.Probes); c.Probes != "" && err != nil {
		return fmt.Errorf("probes: %q; give host:port, such as 0.0.0.0:5002, or leave it empty for none", c.Probes)
	}
	if _, err := humanize.ParseBytes(c.MinFree); err != nil {
		return fmt.Errorf("min_free_disk: %q; give a size, such as 512MiB, or 0 for no floor", c.MinFree)
	}
	if err := c.TLS.validate(); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	if c.Address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.Address)
	if err != nil || !asked && !admin.Loopback(host) {
		return fmt.Errorf("address: %q; whoever reaches it may resolve transactions, so give one on loopback, such as 127.0.0.1:5001, or configure a key of role operator (verdict apikey NAME --role operator), or leave it empty for none", c.Address)
	}
	return nil
}

// floor is the least room on disk with which requests are taken, in bytes.
func (c adminConfig) floor() uint64 {
	n, _ := humanize.ParseBytes(c.MinFree) // it was validated
	return n
}

// doors are the listeners beside that for apps. One that isn't wanted is nil.
type doors struct{ operators, probes net.Listener }

// listen opens the doors. They must be closed.
func (c adminConfig) listen() (d doors, err error) {
	if d.operators, err = listenIf("admin.address", c.Address); err != nil {
		return d, err
	}
	if d.probes, err = listenIf("admin.probes", c.Probes); err != nil {
		d.close()
	}
	return d, err
}

// listenIf returns nil if the address is empty.
func listenIf(key, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("config: %s: %w; stop what listens there, choose another, or leave it empty for none", key, err)
	}
	return listener, nil
}

func (d doors) close() {
	for _, listener := range []net.Listener{d.operators, d.probes} {
		if listener != nil {
			listener.Close()
		}
	}
}

// adminStop bounds how long requests at the doors may take when the gateway has stopped.
const adminStop = 2 * time.Second

// runWith runs the gateway, and serves at the doors for as long.
func (g *gateway) runWith(ctx context.Context, d doors, apps net.Listener) error {
	guard, err := g.config.operatorGuard(ctx, g.log)
	if err != nil {
		return err
	}
	operators, err := openCertificate("operators", g.config.Admin.TLS, g.log)
	if err != nil {
		return fmt.Errorf("config: admin.tls.%w", err)
	}
	space, clock := newDiskSpace(g.config, g.store), newClock(g.store, g.log)
	desk := &admin.Desk{
		Store: g.store, Settler: g.settler, Configured: g.notifier.Endpoints(), Log: g.log, Concerns: g.concerns(space, clock),
		Counted: slices.Concat(g.counted(), g.notifier.Metrics(), g.turnstile.metrics(), g.certificate.metrics(), operators.metrics(),
			space.metrics(), clock.metrics(), retentionMetrics(g.archives)),
	}
	metrics := desk.Metrics()
	group, ctx := errgroup.WithContext(ctx)
	var servers []*http.Server
	openDoor := func(name string, listener net.Listener, handler http.Handler, c *certificate) {
		if listener == nil {
			return
		}
		server := newServer(handler, newTurnstile(operatorConnections, 0, nil), g.log)
		c.secure(server, false)
		servers = append(servers, server)
		g.log.Info(name, "address", listener.Addr().String())
		group.Go(func() error { return serve(server, listener) })
	}
	openDoor("operators", d.operators, web.NewAdmin(desk, metrics, guard, newID, g.log), operators)
	if d.operators != nil {
		scheme := "http://"
		if g.config.Admin.TLS.given() {
			scheme = "https://"
		}
		g.log.Info("console", "url", scheme+d.operators.Addr().String())
	}
	openDoor("probes", d.probes, web.NewProbes(desk, metrics, newID, g.log), nil)
	group.Go(func() error { return operators.run(ctx) })
	group.Go(func() error {
		defer stopServers(servers)
		return g.run(ctx, apps)
	})
	return group.Wait()
}

func stopServers(open []*http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), adminStop)
	defer cancel()
	for _, server := range open {
		if server.Shutdown(ctx) != nil {
			server.Close()
		}
	}
}
