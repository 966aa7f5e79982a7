package main

import (
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/growth"
)

func growthCommand() *cobra.Command {
	var o growth.Options
	var asJSON bool
	var root string
	c := &cobra.Command{
		Use:   "growth",
		Short: "Measure Verdict with millions of transactions on record",
		Long: `Fills a record with transactions, and measures the whole path with it and with an empty one, in turn; the time to start,
the memory at rest, and the bytes of a transaction. README.md says how.`,
		Example: `  go -C bench run . growth
  go -C bench run . growth --rows 100000 --rounds 1 --for 3s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			root, err := repository(root)
			if err != nil {
				return err
			}
			report, err := growth.Run(cmd.Context(), o, root, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(cmd, report, asJSON)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Rows, "rows", 10_000_000, "transactions on record")
	f.IntVar(&o.Path.Rounds, "rounds", 5, "how often each is measured, in turn with the other")
	f.Float64SliceVar(&o.Path.Rates, "rate", []float64{1000}, "transactions a second")
	f.DurationVar(&o.Path.For, "for", 10*time.Second, "how long each rate")
	f.IntVar(&o.Path.Clients, "clients", 300, "users, each with a WebSocket")
	f.StringVar(&o.Path.Dir, "dir", "", "folder on the disk to measure (default the system's for temporary files); ten million take some 10 GB")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.StringVar(&root, "root", ".", "where in a repository of Verdict's to build it from")
	return c
}
