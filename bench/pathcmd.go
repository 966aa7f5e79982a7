package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/path"
)

func pathCommand() *cobra.Command {
	var o path.Options
	c := &cobra.Command{
		Use:   "path",
		Short: "Measure the whole path of a transaction, with a partner that takes no time",
		Long: `Measures how long it takes from a submit to its answer and to the push of its verdict, the processor time and the
fsyncs of a transaction, the highest rate that is sustained, the time to start and the memory at rest; of Verdict, and of the
shortest path that commits as often. README.md says how.`,
		Example: `  go -C bench run . path
  go -C bench run . path --rounds 1 --for 3s --search=false`,
	}
	measuring(c, &o.Dir, func() error { return o.Validate() }, func(ctx context.Context, root string, progress io.Writer) (printed, error) {
		w, err := path.Open(ctx, o.Dir, root)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		return path.Run(ctx, o, w, []path.Contender{path.Verdict("verdict", nil), path.Straight}, progress)
	})
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 5, "how often each is measured, in turn with the other")
	f.Float64SliceVar(&o.Rates, "rate", []float64{1000, 2000}, "transactions a second")
	f.DurationVar(&o.For, "for", 10*time.Second, "how long each rate")
	f.BoolVar(&o.Search, "search", true, "search for the highest rate that is sustained")
	f.BoolVar(&o.Strace, "strace", true, "count fsyncs, if strace is there")
	f.IntVar(&o.Clients, "clients", 300, "users, each with a WebSocket")
	return c
}
