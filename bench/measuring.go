package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// printed is a report for a terminal. Its exported fields are the one for machines.
type printed interface{ Print(to io.Writer) error }

// measuring has a command validate its options, find the repository, measure, and print. It adds the flags --dir, --root and
// --json.
func measuring(c *cobra.Command, dir *string, validate func() error, run func(ctx context.Context, root string, progress io.Writer) (printed, error)) {
	var asJSON bool
	var root string
	f := c.Flags()
	f.StringVar(dir, "dir", "", "folder on the disk to measure (default the system's for temporary files)")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.StringVar(&root, "root", ".", "where in a repository of Verdict's to build it from")
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := validate(); err != nil {
			return err
		}
		root, err := repository(root)
		if err != nil {
			return err
		}
		report, err := run(cmd.Context(), root, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		return write(cmd, report, asJSON)
	}
}

// write writes a report, as JSON or for a terminal.
func write(cmd *cobra.Command, report printed, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.Print(cmd.OutOrStdout())
}
