package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/scale"
)

func scaleCommand() *cobra.Command {
	var o scale.Options
	var asJSON bool
	var profile, root string
	c := &cobra.Command{
		Use:   "scale",
		Short: "Measure what a transaction takes, with one instance and with several",
		Long: `Runs one, two and three instances of Verdict on one PostgreSQL server and a cluster of three NATS servers, and one on
SQLite. Measures how many transactions a second they carry, how long submits and pushes take, and the processor time,
commits, log and messages of a transaction. README.md says how.`,
		Example: `  go -C bench run . scale
  go -C bench run . scale --rounds 1 --instances 1,3 --for 4s --step 2s
  go -C bench run . scale --instances 3 --profile /tmp/profile`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Validate(); err != nil {
				return err
			}
			root, err := repository(root)
			if err != nil {
				return err
			}
			if profile != "" {
				paths, err := scale.Profile(cmd.Context(), o, root, profile)
				for _, path := range paths {
					fmt.Fprintln(cmd.OutOrStdout(), path)
				}
				return err
			}
			report, err := scale.Run(cmd.Context(), o, root, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(cmd, report, asJSON)
		},
	}
	f := c.Flags()
	f.IntSliceVar(&o.Instances, "instances", []int{1, 2, 3}, "how many instances, in each setup on PostgreSQL and NATS")
	f.BoolVar(&o.Baseline, "baseline", true, "also one instance on SQLite with the embedded stream")
	f.IntVar(&o.Rounds, "rounds", 3, "how often each setup is measured, in turn with the others")
	f.Float64Var(&o.Rate, "rate", 100, "transactions a second at which the setups are compared")
	f.DurationVar(&o.For, "for", 6*time.Second, "how long they are compared")
	f.DurationVar(&o.Step, "step", 3*time.Second, "how long each rate is tried in the search for the highest")
	f.IntVar(&o.Clients, "clients", 300, "users, each with a WebSocket")
	f.IntVar(&o.Replicas, "replicas", 0, "of the streams, 1 or 3 (default: as many as Verdict chooses)")
	f.StringVar(&o.NATS, "nats", "", "nats-server to run (default: built, of the version in Verdict's go.mod)")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default the system's for temporary files)")
	f.StringVar(&profile, "profile", "", "write to this folder where processor time goes, as perf samples it, instead")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.StringVar(&root, "root", ".", "where in a repository of Verdict's to build it from")
	return c
}
