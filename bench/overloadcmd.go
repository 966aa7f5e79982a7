package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/overload"
)

func overloadCommand() *cobra.Command {
	var o overload.Options
	c := &cobra.Command{
		Use:   "overload",
		Short: "Offer Verdict twice what it carries, and have many transactions wait",
		Long: `Finds how many transactions a second are accepted at most, offers a multiple, and tells what is accepted, what is shed,
and how long it takes until all is well again; then measures the memory of transactions that wait for the partner. README.md
says how.`,
		Example: `  go -C bench run . overload
  go -C bench run . overload --rounds 1 --for 3s --waiting 1000`,
	}
	measuring(c, &o.Dir, func() error { return o.Validate() }, func(ctx context.Context, root string, progress io.Writer) (printed, error) {
		return overload.Run(ctx, o, root, progress)
	})
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 3, "how often it is overloaded")
	f.Float64Var(&o.Times, "times", 2, "by how many times what it carries")
	f.DurationVar(&o.For, "for", 10*time.Second, "how long")
	f.BoolVar(&o.Apart, "apart", false, "give Verdict a processor of its own, so that the load client takes none of its time")
	f.IntVar(&o.Connections, "connections", 6000, "of the overload")
	f.IntVar(&o.Waiting, "waiting", 10_000, "transactions that wait 30 s for the partner, all at once; 0 leaves it out")
	return c
}
