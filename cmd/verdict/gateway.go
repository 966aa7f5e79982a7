package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"verdict"
	"verdict/cmd/verdict/tracing"
	"verdict/hub"
	"verdict/hub/notify"
	"verdict/hub/stream"
	"verdict/persistence"
	"verdict/web"
	"verdict/web/auth"
)

// drainTime bounds how long apps' connections are given to end when the gateway stops, after push.spread.
const drainTime = 10 * time.Second

// startedAfter is how long it takes from being ready until all that starting needs memory for is done, such as the first plans. Then
// that is given back: two of ten MiB, which would stay where little else is going on.
const startedAfter = time.Second

// heapFloor is how many bytes a gateway holds that nobody touches, so they are never resident. They count with what is in
// use all the same, and make the collector wait for as much garbage again: a gateway with few connections has some ten MiB in
// use, and under load the collector took a tenth of its processor time. GOGC can't do that: one with many connections would
// grow by the same multiple.
const heapFloor = 32 << 20

// bus is what carries commands and events between instances; *stream.Stream is one.
type bus interface {
	verdict.Stream
	Work(ctx context.Context, provider string, kind verdict.Kind, limit int, handle func(context.Context, verdict.Command) error) error
	Follow(ctx context.Context, deliver func(verdict.Event)) error
	Usable() bool
}

// parts are the ports of an instance, open.
type parts struct {
	store     verdict.Store
	bus       bus
	providers map[string]verdict.Provider
	endpoints []notify.Endpoint  // of backends
	archives  *verdict.Retention // nil: everything is kept
	traces    *tracing.Tracer    // nil: there are none
}

// openParts opens what the configuration names. The parts are closed by close, in reverse order.
func openParts(ctx context.Context, c config, log *slog.Logger) (p parts, closeAll func() error, err error) {
	p.providers, err = c.openProviders()
	if err != nil {
		return parts{}, nil, err
	}
	if p.endpoints, err = c.endpoints(); err != nil {
		return parts{}, nil, err
	}
	p.store, err = persistence.Open(ctx, c.Database)
	if err != nil {
		return parts{}, nil, fmt.Errorf("config: database: %w", err)
	}
	if p.archives, err = c.Retention.open(p.store, log); err != nil {
		return parts{}, nil, errors.Join(err, p.store.Close())
	}
	js, err := stream.Open(ctx, c.Stream.at(log))
	if err != nil {
		return parts{}, nil, errors.Join(fmt.Errorf("config: %w", err), p.store.Close())
	}
	p.bus = js
	traces, err := c.Traces.open(ctx, log)
	if err != nil {
		js.Close()
		return parts{}, nil, errors.Join(fmt.Errorf("config: traces.%w", err), p.store.Close())
	}
	return p.traced(traces), func() error {
		js.Close()
		defer traces.Close()
		return p.store.Close()
	}, nil
}

// runGateway runs one instance until ctx ends and its work is handed over.
func runGateway(ctx context.Context, c config, log *slog.Logger) (err error) {
	runWhileSyncing()
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	listener, err := net.Listen("tcp", c.Address)
	if err != nil {
		return fmt.Errorf("config: address: %w; stop what listens there, or choose another", err)
	}
	defer listener.Close()
	d, err := c.Admin.listen()
	if err != nil {
		return err
	}
	defer d.close()
	if err := c.checkHosts(ctx, log); err != nil {
		return err
	}
	p, closeAll, err := openParts(ctx, c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	g, err := newGateway(ctx, c, log, p)
	if err != nil {
		return err
	}
	return g.runWith(ctx, d, listener)
}

// runWhileSyncing sees to it that others run while SQLite syncs, on a machine with one processor too: whoever calls C has one of the
// runtime's processors until its clock takes it away, which may be the whole sync. With one of those a quarter as much was
// accepted as with two. Who sets GOMAXPROCS has it as it is. The runtime follows no change of the machine's processors then.
func runWhileSyncing() {
	if runtime.GOMAXPROCS(0) == 1 && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(2)
	}
}

// gateway is one instance: the parts that the flow of a transaction goes through, wired.
type gateway struct {
	parts
	config   config
	log      *slog.Logger
	relay    *verdict.Relay
	planner  *verdict.Planner
	settler  *verdict.Settler
	notifier *notify.Notifier
	hub      *hub.Hub
	web      *web.Server
	flow     *flow

	turnstile   *turnstile
	certificate *certificate // nil: plain HTTP

	stopping atomic.Bool
}

func newGateway(ctx context.Context, c config, log *slog.Logger, p parts) (*gateway, error) {
	secret, err := p.store.Secret(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the store's secret: %w", err)
	}
	asking, err := c.asking()
	if err != nil {
		return nil, err
	}
	if err := warnOfAbsent(ctx, p, log); err != nil {
		return nil, err
	}
	notifier := notify.New(p.store, p.endpoints, c.Sweep, log)
	if err := notifier.Start(ctx); err != nil {
		return nil, err
	}
	p.bus = nudging{p.bus, notifier.Nudge}
	if p.archives != nil {
		p.archives.Enlist = notifier.Enlist
	}
	g := &gateway{parts: p, config: c, log: log, notifier: notifier, relay: verdict.NewRelay(p.bus, log), flow: newFlow(p.providers)}
	g.planner = verdict.NewPlanner(p.store, p.providers, c.Schedule.schedule(), asking)
	verifiers, err := c.verifiers()
	if err != nil {
		return nil, err
	}
	g.settler = &verdict.Settler{
		Store: p.store, Relay: g.relay, Providers: p.providers, Planner: g.planner,
		Tokens: verdict.Tokens{Secret: secret}, Verifiers: verifiers, PublicURL: c.publicURL(), Log: log, Heard: g.flow.heard,
	}
	guard, err := c.guard(ctx, log)
	if err != nil {
		return nil, err
	}
	proxies, err := c.proxies()
	if err != nil {
		return nil, err
	}
	g.turnstile = newTurnstile(c.Limits.Connections, c.Limits.ConnectionsPerAddress, proxies)
	if g.certificate, err = openCertificate("apps", c.TLS.pairFiles, log); err != nil {
		return nil, fmt.Errorf("config: tls.%w", err)
	}
	g.hub = hub.New(p.store, g.watch(), log)
	if err := g.hub.Start(ctx); err != nil {
		return nil, err
	}
	last, err := p.store.LastEventID(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the last event: %w", err)
	}
	g.web, err = web.New(web.Config{
		Intake: &verdict.Intake{
			Store: p.store, Relay: g.relay, Providers: p.providers, Keys: verdict.Keys{Secret: secret, Life: c.Keys.Life},
			Planner: g.planner, ShedAfter: c.ShedAfter, Mode: c.Keys.Mode, Exclusive: c.Keys.Concurrent == "conflict", NewID: newID, Log: log,
		},
		Settler: g.settler, Store: p.store, Feed: g.hub, Guard: guard, Tickets: auth.Tickets{Secret: secret},
		Provider: c.Provider, Language: c.Language, Hosts: c.hosts(), Origins: c.Origins, Proxies: proxies, Retention: c.Keys.Retention,
		Restored: verdict.WasRestored(last), Limits: c.Push.limits(), Rates: c.Limits.rates(), Pushed: p.traces.Push(), Spread: c.Push.Spread,
		Log: log,
	})
	return g, err
}

// watch is told what apps listen for, if checks are planned: else it would change nothing.
func (g *gateway) watch() hub.Watch {
	if g.config.Schedule.Mode == "backoff" {
		return nil
	}
	return g.settler.Watch
}

// warnOfAbsent tells of transactions that nobody takes up here, because their provider isn't configured.
func warnOfAbsent(ctx context.Context, p parts, log *slog.Logger) error {
	names, err := p.store.Waiting(ctx)
	if err != nil {
		return fmt.Errorf("find what waits: %w", err)
	}
	for _, name := range names {
		if _, ok := p.providers[name]; !ok {
			log.Error("transactions wait for a provider that isn't configured any more; add it again", "provider", name)
		}
	}
	return nil
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// run works until ctx ends. Then it takes no new work, but still answers, listens to partners and pushes until the calls
// under way have ended; last it sends the apps away.
func (g *gateway) run(ctx context.Context, listener net.Listener) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	telling, stopTelling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTelling()

	work, working := errgroup.WithContext(ctx)
	g.work(working, work)

	var tell errgroup.Group
	server := newServer(g.traces.Handler(g.web), g.turnstile, g.log)
	g.certificate.secure(server, g.config.TLS.HTTP2)
	start := func(f func() error) {
		tell.Go(func() error {
			err := f()
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	start(func() error { return g.relay.Run(telling) })
	start(func() error { return g.hub.Run(telling) })
	start(func() error { return g.bus.Follow(telling, g.hub.Deliver) })
	start(func() error { return g.certificate.run(telling) })
	start(func() error { return serve(server, listener) })
	g.log.Info("ready", "address", listener.Addr().String(), "public_url", maskedURL(g.config.publicURL()))
	g.tellSupervisor(daemon.SdNotifyReady)
	defer time.AfterFunc(startedAfter, debug.FreeOSMemory).Stop()

	<-working.Done()
	g.stopping.Store(true)
	g.tellSupervisor(daemon.SdNotifyStopping)
	g.log.Info("stopping", "waiting", "for the partners' answers under way")
	err := work.Wait()
	g.sendAway(telling, server)
	stopTelling()
	err = errors.Join(err, tell.Wait())
	g.log.Info("stopped")
	return err
}

// tellSupervisor tells systemd how the instance stands, if that has started it as Type=notify (sd_notify(3)).
func (g *gateway) tellSupervisor(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		g.log.Warn("systemd can't be told how things stand", "state", state, "error", err)
	}
}

// work starts what takes up commands: the workers of each partner, and the sweeper.
func (g *gateway) work(ctx context.Context, group *errgroup.Group) {
	for name, p := range g.providers {
		traits := p.Traits()
		group.Go(func() error { return g.bus.Work(ctx, name, verdict.Submit, traits.Submits, g.settler.Handle) })
		group.Go(func() error { return g.bus.Work(ctx, name, verdict.Check, traits.Checks, g.settler.Handle) })
	}
	sweeper := &verdict.Sweeper{
		Store: g.store, Stream: g.bus, Settler: g.settler, Every: g.config.Sweep,
		Retention: g.config.Keys.Retention, Log: g.log,
	}
	group.Go(func() error { return sweeper.Run(ctx) })
	group.Go(func() error { return g.notifier.Run(ctx) })
	if g.archives != nil {
		group.Go(func() error { return g.archives.Run(ctx) })
	}
}

// sendAway tells connected apps to come back and ends the listener.
func (g *gateway) sendAway(ctx context.Context, server *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, g.config.Push.Spread+drainTime)
	defer cancel()
	var both errgroup.Group
	both.Go(func() error { return g.web.Drain(ctx) })
	both.Go(func() error { return server.Shutdown(ctx) })
	if err := both.Wait(); err != nil {
		g.log.Warn("some connections had to be cut", "error", err)
		server.Close()
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
