package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/soak"
)

func soakCommand() *cobra.Command {
	var o soak.Options
	c := &cobra.Command{
		Use:   "soak",
		Short: "Watch Verdict for an hour: memory, goroutines, descriptors, its log",
		Long: `Loads Verdict steadily, with a partner that misbehaves and subscribers that come and go, samples what it holds, and says
what is flat. README.md says how.`,
		Example: `  go -C bench run . soak
  go -C bench run . soak --for 5m --rate 200`,
	}
	measuring(c, &o.Dir, func() error { return o.Validate() }, func(ctx context.Context, root string, progress io.Writer) (printed, error) {
		return soak.Run(ctx, o, root, progress)
	})
	f := c.Flags()
	f.Float64Var(&o.Rate, "rate", 500, "submits a second; give half of what path sustains")
	f.DurationVar(&o.For, "for", time.Hour, "how long")
	f.IntVar(&o.Clients, "clients", 300, "subscribers at a time, half by WebSocket, half by event streams")
	f.DurationVar(&o.Stay, "stay", 20*time.Second, "how long each stays, on average")
	f.Float64Var(&o.Speed, "speed", 10, "how much faster than real time the partner lives")
	return c
}
