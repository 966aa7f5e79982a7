package main

import (
	"os"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/spf13/cobra"
)

func configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration, secrets masked",
		Long: `Reads the configuration as serve would (defaults, then the YAML file, then VERDICT_... from the
environment, then flags), validates it, and prints it as a YAML file that serve would take.`,
		Example: `  verdict config --config verdict.yaml
  VERDICT_PROVIDERS_DJAMO_URL=https://partner.example verdict config`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := loadSettings(cmd.Flags(), os.Environ())
			if err != nil {
				return err
			}
			if _, err := decodeConfig(k); err != nil {
				return err
			}
			text, err := yaml.Parser().Marshal(masked(k.Raw()))
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		},
	}
	addFlags(c.Flags())
	return c
}
