package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"verdict/provider/sim"
)

func thirdPartyCommand() *cobra.Command {
	var c sim.Config
	var address, kind string
	cmd := &cobra.Command{
		Use:   "thirdparty",
		Short: "Run the simulated third party: slow, forgetful, and quick to take offence",
		Long: `Runs a payment partner that misbehaves as real ones do: late answers, 504s that go through later,
webhooks that are lost, doubled or early, and a ban for whoever checks too often. It executes an id
again when it is sent again. GET /ledger tells every effect it has had, GET /stats what it was asked.
A submit's member "simulate" chooses a misfortune; everything else follows from the seed. The kind
momo acts once on a repeated reference instead, and takes the same wishes in payerMessage, as
simulate:{...}.`,
		Example: `  verdict thirdparty --speed 10 --seed 7
  curl -X POST localhost:5010/transaction -d '{"id":"a1","simulate":{"reply":"timeout","settles":true}}'
  curl localhost:5010/ledger`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
			return runThirdParty(cmd.Context(), kind, address, c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&address, "address", "127.0.0.1:5010", "where to listen, host:port")
	flags.StringVar(&kind, "kind", "djamo", "which partner to be: djamo or momo")
	flags.Int64Var(&c.Seed, "seed", 1, "what its choices follow from")
	flags.Float64Var(&c.Speed, "speed", 1, "how much faster than real time it lives")
	flags.IntVar(&c.BanAfter, "ban-after", 30, "status checks in a window before it refuses; below 0: never")
	flags.DurationVar(&c.BanWindow, "ban-window", time.Minute, "that window, in the partner's time")
	flags.DurationVar(&c.BanFor, "ban-for", 5*time.Minute, "how long it bans who goes on asking, in the partner's time")
	flags.StringVar(&c.Ledger, "ledger", "", "file to keep the ledger in, so that it remembers after a restart")
	_ = cmd.MarkFlagFilename("ledger", "jsonl") // fails only for a flag that isn't there
	return cmd
}

// thirdParty is a simulated partner.
type thirdParty interface {
	http.Handler
	io.Closer
}

func newThirdParty(kind string, c sim.Config) (thirdParty, error) {
	switch kind {
	case "djamo":
		return sim.New(c)
	case "momo":
		return sim.NewMomo(c)
	}
	return nil, fmt.Errorf("--kind %q: give djamo or momo", kind)
}

// runThirdParty serves the simulated partner until ctx ends.
func runThirdParty(ctx context.Context, kind, address string, c sim.Config) (err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("third party: %w; stop what listens there, or choose another address", err)
	}
	defer listener.Close()
	partner, err := newThirdParty(kind, c)
	if err != nil {
		return fmt.Errorf("third party: %w", err)
	}
	defer func() { err = errors.Join(err, partner.Close()) }()
	server := &http.Server{Handler: partner, ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)}
	var group errgroup.Group
	group.Go(func() error { return ignoreClosed(server.Serve(listener)) })
	c.Log.Info("third party ready", "address", listener.Addr().String(), "seed", c.Seed, "speed", c.Speed)
	<-ctx.Done()
	server.Close()
	return group.Wait()
}
