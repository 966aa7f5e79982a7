package main

import (
	"fmt"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/spf13/cobra"

	"verdict/web/auth"
)

func apiKeyCommand() *cobra.Command {
	var k auth.Key
	cmd := &cobra.Command{
		Use:   "apikey NAME",
		Short: "Make an API key, and the lines that configure it",
		Long: `Makes an API key and prints it to the standard output, once: whoever has it is let in. To the standard error
output go the lines of the configuration that let it in; they hold its digest only.

A key of role app is one user. One of role service acts for any user of its tenant, whom its requests name in
the header Verdict-Subject. One of role operator is for the operators' listener alone.`,
		Example: `  verdict apikey till --role service --tenant shop
  verdict apikey ama --role app --tenant shop
  verdict apikey desk --role operator`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return makeAPIKey(cmd, args[0], k) },
	}
	cmd.Flags().StringVar((*string)(&k.Role), "role", "", "app, service or operator (required)")
	cmd.Flags().StringVar(&k.Tenant, "tenant", "", "whose transactions it may see (required unless an operator's)")
	cmd.Flags().StringVar(&k.Subject, "subject", "", "the user; NAME if empty")
	_ = cmd.MarkFlagRequired("role") // fails only for a flag that isn't there
	return cmd
}

func makeAPIKey(cmd *cobra.Command, name string, k auth.Key) error {
	key := auth.NewKey()
	k.Hash = auth.Hash(key)
	if !providerName.MatchString(name) {
		return fmt.Errorf("%q: name the key in lower-case letters, digits and dashes", name)
	}
	if _, err := auth.New(cmd.Context(), auth.Config{Keys: map[string]auth.Key{name: k}}); err != nil {
		return err
	}
	told := map[string]any{"hash": k.Hash, "role": string(k.Role)}
	if k.Tenant != "" {
		told["tenant"] = k.Tenant
	}
	if k.Subject != "" {
		told["subject"] = k.Subject
	}
	lines, err := yaml.Parser().Marshal(map[string]any{"auth": map[string]any{"keys": map[string]any{name: told}}})
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s\nThe key, which is not shown again:\n", lines)
	_, err = fmt.Fprintln(cmd.OutOrStdout(), key)
	return err
}
