package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"verdict"
	"verdict/provider/sim"
)

// demo is what a trial on one machine can be told.
type demo struct {
	address string // of the gateway
	admin   string // address for operators
	partner string // address of the simulated third party
	data    string // folder
	seed    int64
	speed   float64
}

func demoCommand() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the gateway, a simulated third party and a page to try them",
		Long: `Starts the gateway with SQLite and an embedded JetStream in a data folder, and a simulated third
party beside it on an address of its own, both on loopback. Open the pages it names, one to pay and
one for operators, and read here what happens. The partner and the schedule of checks run faster than in real life. Ctrl-C stops it;
started again, it goes on where it was.`,
		Example: `  verdict demo
  verdict demo --speed 1 --data /tmp/verdict`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&d.address, "address", "127.0.0.1:5000", "where the gateway listens")
	flags.StringVar(&d.admin, "admin", "127.0.0.1:5001", "where operators' requests and their page are served; empty: nowhere")
	flags.StringVar(&d.partner, "thirdparty", "127.0.0.1:5010", "where the simulated third party listens")
	flags.StringVar(&d.data, "data", "verdict-demo", "folder for the database, the stream and the partner's ledger")
	_ = cmd.MarkFlagDirname("data") // fails only for a flag that isn't there
	flags.Int64Var(&d.seed, "seed", 1, "what the partner's choices follow from")
	flags.Float64Var(&d.speed, "speed", 10, "how much faster than in real life the partner and the checks are")
	return cmd
}

func (d demo) run(ctx context.Context, out io.Writer) error {
	if d.speed < 1 || d.speed > 100 {
		return fmt.Errorf("--speed %g: give 1 to 100", d.speed)
	}
	c, err := decodeConfig(d.settings())
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	log := slog.New(newNarrator(out, d.pages()))
	group, ctx := errgroup.WithContext(ctx)
	// The partner outlives the gateway's work, which waits for its answers when it stops.
	partnerCtx, stopPartner := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		defer stopPartner()
		return runGateway(ctx, c, log)
	})
	group.Go(func() error {
		return runThirdParty(partnerCtx, "djamo", d.partner, sim.Config{
			Seed: d.seed, Speed: d.speed, Ledger: filepath.Join(d.data, "partner-ledger.jsonl"), Log: log,
		})
	})
	return group.Wait()
}

// pages are where to look.
func (d demo) pages() string {
	if d.admin == "" {
		return "http://" + d.address
	}
	return "http://" + d.address + " to pay, and http://" + d.admin + " as an operator"
}

// settings are those of a gateway that lives as fast as its partner.
func (d demo) settings() *koanf.Koanf {
	scaled := func(t time.Duration) string { return time.Duration(float64(t) / d.speed).String() }
	schedule := verdict.DefaultSchedule()
	checks := make([]string, len(schedule.Checks))
	for i, pause := range schedule.Checks {
		checks[i] = scaled(pause)
	}
	k := defaultSettings()
	set(k, "address", d.address)
	set(k, "admin.address", d.admin)
	set(k, "database", "sqlite:"+filepath.Join(d.data, "verdict.db"))
	set(k, "stream.dir", filepath.Join(d.data, "jetstream"))
	set(k, "schedule.checks", checks)
	set(k, "schedule.price", scaled(verdict.DefaultPrice))
	set(k, "sweep", "100ms")
	set(k, "providers.djamo.url", "http://"+d.partner)
	set(k, "providers.djamo.submit_timeout", scaled(35*time.Second))
	set(k, "providers.djamo.not_found_final", scaled(150*time.Second))
	set(k, "providers.djamo.settles_within", scaled(2*time.Minute))
	return k
}
