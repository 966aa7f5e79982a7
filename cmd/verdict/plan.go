package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"verdict/web/admin"
)

func planCommand() *cobra.Command {
	o := &operator{}
	var svg string
	cmd := &cobra.Command{
		Use:   "plan PARTNER",
		Short: "Show when a partner is asked for verdicts, and why then",
		Long: `Shows the schedule of status checks that would be used now: when verdicts come to stand, as far as that was
seen, when the partner is asked about them, how long they are expected to stand before they are known, the
budget of checks, and whether the partner refuses any (the circuit is open then).

Speaks to a gateway's operators' listener (admin.address): run it on the same machine or, where that
listener isn't on loopback, with --token.`,
		Example: `  verdict plan djamo
  verdict plan djamo --svg plan.svg
  verdict plan djamo --json`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: o.completePartners(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd.Context(), o, http.MethodGet, "/v1/partners/"+url.PathEscape(args[0]), nil, showPlan(svg))
		},
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&svg, "svg", "", "draw it into this file as well; - draws it to the standard output instead")
	cmd.MarkFlagsMutuallyExclusive("svg", "json")
	_ = cmd.MarkFlagFilename("svg", "svg") // fails only for a flag that isn't there
	return cmd
}

// showPlan prints a plan, and draws it into a file if one is named.
func showPlan(svg string) func(io.Writer, admin.Prospect) error {
	switch svg {
	case "":
		return printPlan
	case "-":
		return drawPlan
	}
	return func(to io.Writer, p admin.Prospect) error {
		file, err := os.Create(svg)
		if err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
		if err := errors.Join(drawPlan(file, p), file.Close()); err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
		return printPlan(to, p)
	}
}
