package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"verdict/bench/push"
	"verdict/bench/target"
)

func pushCommand() *cobra.Command {
	var o push.Options
	var kinds []string
	var asJSON bool
	var heap, root string
	c := &cobra.Command{
		Use:   "push",
		Short: "Measure pushing events to many idle clients",
		Long: `Measures memory of a connection, the time from the partner's webhook to the client, and the server's processor
time for an event, for WebSocket and for SSE, beside servers that only push. README.md says how.`,
		Example: `  go -C bench run . push
  go -C bench run . push --connections 500 --rounds 1 --events 1000
  go -C bench run . push --connections 500 --heap /tmp/heap`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, kind := range kinds {
				o.Kinds = append(o.Kinds, target.Kind(kind))
			}
			if err := o.Validate(); err != nil {
				return err
			}
			root, err := repository(root)
			if err != nil {
				return err
			}
			if heap != "" {
				return push.Heap(cmd.Context(), o, root, heap)
			}
			report, err := push.Run(cmd.Context(), o, root, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return write(cmd, report, asJSON)
		},
	}
	f := c.Flags()
	f.IntVar(&o.Connections, "connections", 10_000, "idle clients, of one kind at a time")
	f.IntVar(&o.Rounds, "rounds", 3, "how often each server is measured, in turn with the others")
	f.Float64SliceVar(&o.Rates, "rate", []float64{200, 2000}, "events a second")
	f.IntVar(&o.Events, "events", 4000, "events of each rate, in each round")
	f.StringSliceVar(&kinds, "kind", []string{string(target.WebSocket), string(target.SSE)}, "what clients connect by")
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to measure (default the system's for temporary files)")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.StringVar(&root, "root", ".", "where in a repository of Verdict's to build it from")
	f.StringVar(&heap, "heap", "", "write heap profiles of Verdict to this folder instead")
	return c
}

// repository returns the folder of Verdict's go.mod: the first at or above a folder whose module is "verdict".
func repository(from string) (string, error) {
	dir, err := filepath.Abs(from)
	if err != nil {
		return "", err
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module verdict\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%q isn't within Verdict's repository; run it as: go -C bench run . push", from)
		}
		dir = filepath.Dir(dir)
	}
}
