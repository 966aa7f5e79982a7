package main

import (
	"os"

	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Runs the gateway until SIGINT or SIGTERM. On the first it takes no new work from the stream, waits for
the partner's answers that are under way (at most the partner's submit_timeout), tells connected
apps to come back, and ends. On the second it ends at once; nothing is lost either way.`,
		Example: `  verdict serve
  verdict serve --config verdict.yaml --address 0.0.0.0:5000
  VERDICT_DATABASE=sqlite:/var/lib/verdict/verdict.db verdict serve`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := loadSettings(cmd.Flags(), os.Environ())
			if err != nil {
				return err
			}
			c, err := decodeConfig(k)
			if err != nil {
				return err
			}
			log, err := newLogger(c.Log, os.Stderr)
			if err != nil {
				return err
			}
			return runGateway(cmd.Context(), c, log)
		},
	}
	addFlags(c.Flags())
	return c
}
