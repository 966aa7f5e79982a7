package scale

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"verdict/bench/app"
	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/measure"
)

// A setup is what is compared with others.
type setup struct {
	Name      string
	Instances int
	Shared    bool // PostgreSQL and NATS; else SQLite and the embedded stream
	Replicas  int  // of the streams; 0: as many as Verdict chooses
}

func (o Options) setups() (all []setup) {
	if o.Baseline {
		all = append(all, setup{Name: "SQLite", Instances: 1})
	}
	for _, n := range o.Instances {
		all = append(all, setup{Name: fmt.Sprint("cluster of ", n), Instances: n, Shared: true, Replicas: o.Replicas})
	}
	return all
}

// programs are paths of what is started.
type programs struct{ verdict, nats, self string }

// Each kind of server has loopback addresses of its own; clients connect from 127.0.0.2 and on. All of 127.0.0.0/8 is
// local on Linux.
func gatewayHost(n int) string { return net.IPv4(127, 1, 0, byte(n+1)).String() }
func natsHost(n int) string    { return net.IPv4(127, 1, 1, byte(n+1)).String() }

const (
	postgresHost = "127.1.2.1"
	partnerHost  = "127.1.3.1"
)

// world is a setup that is running.
type world struct {
	setup    setup
	partner  *daemon.Daemon
	verdicts string // the partner's URL
	postgres *cluster.Postgres
	record   *pgx.Conn // of ours, to read PostgreSQL's counters
	nats     *cluster.NATS
	gateways []*cluster.Gateway
}

// start starts a setup in a folder.
func (s setup) start(ctx context.Context, p programs, dir string) (*world, error) {
	w := &world{setup: s}
	if err := w.start(ctx, p, dir); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *world) start(ctx context.Context, p programs, dir string) error {
	if err := w.startPartner(ctx, p.self, dir); err != nil {
		return err
	}
	config := cluster.GatewayConfig{
		Binary: p.verdict, Partner: w.verdicts, KeyHash: app.APIKeyHash(), Database: "sqlite:verdict.db", Stream: "{dir: jetstream}",
	}
	if w.setup.Shared {
		if err := w.startShared(ctx, p, dir); err != nil {
			return err
		}
		config.Database = w.postgres.URL + "&default_query_exec_mode=cache_statement" // there is no PgBouncer between
		config.Stream = streamConfig(w.nats.URLs, w.setup.Replicas)
	}
	for n := range w.setup.Instances {
		config.Host = gatewayHost(n)
		g, err := cluster.StartGateway(ctx, filepath.Join(dir, fmt.Sprint("gateway-", n+1)), config)
		if err != nil {
			return err
		}
		w.gateways = append(w.gateways, g)
	}
	return nil
}

// streamConfig is Verdict's setting, as YAML. Its folder has a default, and may not stand beside a URL.
func streamConfig(urls []string, replicas int) string {
	text := fmt.Sprintf(`{dir: "", url: %q`, strings.Join(urls, ","))
	if replicas > 0 {
		text += fmt.Sprint(", replicas: ", replicas)
	}
	return text + "}"
}

func (w *world) startPartner(ctx context.Context, self, dir string) error {
	address, err := daemon.FreeAddress(partnerHost)
	if err != nil {
		return err
	}
	w.verdicts = "http://" + address
	w.partner, err = daemon.Start(ctx, daemon.Command{
		Program: self, Args: []string{"partner", "--address", address, "--settle", settles.String()},
		Dir: dir, Ready: daemon.Answers(w.verdicts + "/sent?after=0"),
	})
	return err
}

func (w *world) startShared(ctx context.Context, p programs, dir string) (err error) {
	if w.postgres, err = cluster.StartPostgres(ctx, filepath.Join(dir, "postgres"), postgresHost); err != nil {
		return err
	}
	if w.record, err = pgx.Connect(ctx, w.postgres.URL); err != nil {
		return err
	}
	w.nats, err = cluster.StartNATS(ctx, p.nats, dir, natsHost)
	return err
}

func (w *world) close() {
	for _, g := range w.gateways {
		g.Close()
	}
	if w.nats != nil {
		w.nats.Close()
	}
	if w.record != nil {
		_ = w.record.Close(context.Background()) // it only read
	}
	if w.postgres != nil {
		w.postgres.Close()
	}
	if w.partner != nil {
		w.partner.Close()
	}
}

// read reads the counters.
func (w *world) read(ctx context.Context) (c counts, err error) {
	var errs []error
	cpu := func(of counter, p measure.Process) {
		d, err := p.TreeCPU()
		c[of] += float64(d)
		errs = append(errs, err)
	}
	for _, g := range w.gateways {
		cpu(gatewayCPU, g.Process())
	}
	if w.setup.Shared {
		cpu(postgresCPU, w.postgres.Process())
		for _, s := range w.nats.Servers {
			cpu(natsCPU, s.Process())
		}
		errs = append(errs, w.readShared(ctx, &c))
	}
	cpu(partnerCPU, w.partner.Process())
	own, err := measure.Self().CPU() // our children are the others
	c[clientCPU] = float64(own)
	errs = append(errs, err)
	machine, err := measure.MachineCPU()
	c[machineCPU] = float64(machine)
	errs = append(errs, err)
	loopback, err := measure.LoopbackBytes()
	c[loopbackBytes] = float64(loopback)
	return c, errors.Join(append(errs, err)...)
}

// counters of PostgreSQL: an id is given to each transaction that changes something, and a number of meta to each change of
// a transaction of Verdict's.
const recordCounters = `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint, (SELECT event FROM meta),
	pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8, pg_database_size(current_database())`

func (w *world) readShared(ctx context.Context, c *counts) error {
	row := w.record.QueryRow(ctx, recordCounters)
	if err := row.Scan(&c[commits], &c[changes], &c[walBytes], &c[diskBytes]); err != nil {
		return fmt.Errorf("read PostgreSQL's counters: %w", err)
	}
	t, err := w.nats.Traffic(ctx)
	c[natsIn], c[natsOut], c[natsBetween], c[natsBytes] =
		float64(t.FromClients), float64(t.ToClients), float64(t.BetweenServers), float64(t.Bytes)
	return err
}
