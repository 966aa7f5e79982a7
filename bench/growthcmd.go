package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/growth"
)

func growthCommand() *cobra.Command {
	var o growth.Options
	c := &cobra.Command{
		Use:   "growth",
		Short: "Measure Verdict with millions of transactions on record",
		Long: `Fills a record with transactions, and measures the whole path with it, with it while retention deletes, and with an empty
one, in turn; the time to start, the memory at rest, and the bytes of a transaction. README.md says how.`,
		Example: `  go -C bench run . growth
  go -C bench run . growth --rows 100000 --rounds 1 --for 3s`,
	}
	measuring(c, &o.Path.Dir, func() error { return o.Validate() }, func(ctx context.Context, root string, progress io.Writer) (printed, error) {
		return growth.Run(ctx, o, root, progress)
	})
	f := c.Flags()
	f.IntVar(&o.Rows, "rows", 10_000_000, "transactions on record")
	f.IntVar(&o.Path.Rounds, "rounds", 5, "how often each is measured, in turn with the others")
	f.Float64SliceVar(&o.Path.Rates, "rate", []float64{1000}, "transactions a second")
	f.DurationVar(&o.Path.For, "for", 10*time.Second, "how long each rate")
	f.IntVar(&o.Path.Clients, "clients", 300, "users, each with a WebSocket")
	return c
}
