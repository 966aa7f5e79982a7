package main

import (
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/overload"
)

func overloadCommand() *cobra.Command {
	var o overload.Options
	var asJSON bool
	var root string
	c := &cobra.Command{
		Use:   "overload",
		Short: "Offer Verdict twice what it carries, and have many transactions wait",
		Long: `Finds how many transactions a second are accepted at most, offers a multiple, and tells what is accepted, what is shed,
and how long it takes until all is well again; then measures the memory of transactions that wait for the partner. README.md
says how.`,
		Example: `  go -C bench run . overload
  go -C bench run . overload --rounds 1 --for 3s --waiting 1000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			root, err := repository(root)
			if err != nil {
				return err
			}
			report, err := overload.Run(cmd.Context(), o, root, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(cmd, report, asJSON)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 3, "how often it is overloaded")
	f.Float64Var(&o.Times, "times", 2, "by how many times what it carries")
	f.DurationVar(&o.For, "for", 10*time.Second, "how long")
	f.IntVar(&o.Connections, "connections", 6000, "of the overload")
	f.IntVar(&o.Waiting, "waiting", 10_000, "transactions that wait 30 s for the partner, all at once; 0 leaves it out")
	f.StringVar(&o.Dir, "dir", "", "folder on a disk (default the system's for temporary files)")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.StringVar(&root, "root", ".", "where in a repository of Verdict's to build it from")
	return c
}
