package main

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"
)

// write writes a report, as JSON or for a terminal.
func write(cmd *cobra.Command, report interface{ Print(io.Writer) error }, asJSON bool) error {
	if asJSON {
		out := json.NewEncoder(cmd.OutOrStdout())
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return report.Print(cmd.OutOrStdout())
}
