package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/submit"
)

func submitCommand() *cobra.Command {
	var o submit.Options
	var asJSON bool
	var root string
	c := &cobra.Command{
		Use:   "submit",
		Short: "Measure accepting transactions, beside floors and peers",
		Long: `Measures how many transactions a second are accepted and durable, with so many connections, and how long that
takes at a constant rate; of Verdict, of the simplest servers that do something similar, and of peers. README.md says how.
Contenders: ` + strings.Join(submit.Names(), ", ") + ".",
		Example: `  go -C bench run . submit
  go -C bench run . submit --peers echo,group --rounds 1 --for 2s
  go -C bench run . submit --fsync 1ms`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			root, err := repository(root)
			if err != nil {
				return err
			}
			report, err := submit.Run(cmd.Context(), o, root, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(cmd, report, asJSON)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 5, "how often each contender is measured, in turn with the others")
	f.IntSliceVar(&o.Connections, "connections", []int{64, 256}, "of the closed loops that look for the highest throughput")
	f.Float64Var(&o.Rate, "rate", 1000, "submits a second at which latencies are compared")
	f.DurationVar(&o.For, "for", 5*time.Second, "how long each loop counts")
	f.BoolVar(&o.Search, "search", false, "also search for the highest constant rate with a p99 below 100 ms")
	f.StringSliceVar(&o.Peers, "peers", nil, "which contenders to measure beside Verdict (default all)")
	f.StringVar(&o.Partner, "partner", submit.Held, "held: it doesn't answer, so that only accepting is measured; quick: it answers at once")
	f.DurationVar(&o.Fsync, "fsync", 0, "by how much to delay each fsync, such as 1ms")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default the system's for temporary files)")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.StringVar(&root, "root", ".", "where in a repository of Verdict's to build it from")
	return c
}
