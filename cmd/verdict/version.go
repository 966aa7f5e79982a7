package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this binary and of its Go toolchain",
		Example: "  verdict version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			version, toolchain, revision := "(unknown)", "", ""
			if info, ok := debug.ReadBuildInfo(); ok {
				version, toolchain = info.Main.Version, info.GoVersion
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						revision = " " + s.Value
					}
				}
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "verdict %s%s, %s\n", version, revision, toolchain)
			return err
		},
	}
}
