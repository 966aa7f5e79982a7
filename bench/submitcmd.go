package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/submit"
)

func submitCommand() *cobra.Command {
	var o submit.Options
	c := &cobra.Command{
		Use:   "submit",
		Short: "Measure accepting transactions, beside floors and peers",
		Long: `Measures how many transactions a second are accepted and durable, with so many connections, and how long that
takes at a constant rate; of Verdict, of the simplest servers that do something similar, and of peers. README.md says how.
Contenders: ` + strings.Join(submit.Names(), ", ") + ".",
		Example: `  go -C bench run . submit
  go -C bench run . submit --peers echo,group --rounds 1 --for 2s
  go -C bench run . submit --fsync 1ms`,
	}
	measuring(c, &o.Dir, func() error { return o.Validate() }, func(ctx context.Context, root string, progress io.Writer) (printed, error) {
		return submit.Run(ctx, o, root, progress)
	})
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 5, "how often each contender is measured, in turn with the others")
	f.IntSliceVar(&o.Connections, "connections", []int{64, 256}, "of the closed loops that look for the highest throughput")
	f.Float64Var(&o.Rate, "rate", 1000, "submits a second at which latencies are compared")
	f.DurationVar(&o.For, "for", 5*time.Second, "how long each loop counts")
	f.BoolVar(&o.Search, "search", false, "also search for the highest constant rate with a p99 below 100 ms")
	f.StringSliceVar(&o.Peers, "peers", nil, "which contenders to measure beside Verdict (default all)")
	f.StringVar(&o.Partner, "partner", submit.Held, "held: it doesn't answer, so that only accepting is measured; quick: it answers at once")
	f.DurationVar(&o.Fsync, "fsync", 0, "by how much to delay each fsync, such as 1ms")
	return c
}
