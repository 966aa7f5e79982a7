package main

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"verdict"
)

func providerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "provider",
		Short: "Look at the partners that are configured, and try whether they work",
		Long: `Reads the configuration as serve would. None of these submits anything to a partner.
docs/partners.md tells how a partner is described.`,
		Example: `  verdict provider list
  verdict provider test acme --config verdict.yaml`,
		Args: cobra.NoArgs, // else a mistyped subcommand would pass for a call for help
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	addFlags(cmd.PersistentFlags())
	token := tokenFlag(cmd.PersistentFlags())
	cmd.AddCommand(providerListCommand(), providerShowCommand(), providerTestCommand(token))
	return cmd
}

// effectiveConfig is the configuration that serve would run with.
func effectiveConfig(cmd *cobra.Command) (config, error) {
	k, err := loadSettings(cmd.Flags(), os.Environ())
	if err != nil {
		return config{}, err
	}
	return decodeConfig(k)
}

func providerListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the partners that are configured",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := effectiveConfig(cmd)
			if err != nil {
				return err
			}
			t := newTable(cmd.OutOrStdout())
			t.row("NAME", "KIND", "URL", "")
			for _, name := range c.providerNames() {
				p, err := c.openPartner(name)
				if err != nil {
					return err
				}
				note := ""
				if name == c.Provider {
					note = "of requests that name none"
				}
				t.row(name, p.Kind, maskedURL(p.url), note)
			}
			return t.Flush()
		},
	}
}

func providerShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Say how a partner behaves, and where its webhooks come to",
		Args:  cobra.ExactArgs(1),

		ValidArgsFunction: completeConfigured,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, p, r, err := reportOn(cmd, args[0])
			if err != nil {
				return err
			}
			p.lookAtWebhooks(c, r)
			r.words(traitWords(p.Traits(), c.Schedule.MaxSends))
			return nil
		},
	}
}

// reportOn begins a report on one of the configured partners.
func reportOn(cmd *cobra.Command, name string) (c config, p openedPartner, r *report, err error) {
	if c, err = effectiveConfig(cmd); err != nil {
		return c, p, nil, err
	}
	if p, err = c.openPartner(name); err != nil {
		return c, p, nil, err
	}
	r = &report{to: cmd.OutOrStdout()}
	r.title(p)
	return c, p, r, nil
}

func providerTestCommand(token func() string) *cobra.Command {
	return &cobra.Command{
		Use:   "test NAME",
		Short: "Try whether a partner can be reached, takes our credentials and answers; nothing is submitted",
		Long: `Looks up the partner's name, connects, looks at its certificate, fetches an access token if it wants one,
makes one status check about a payment that can't exist, and compares the clocks. It says what it found,
with the mend where something is wrong, and fails then.

The one check takes no turn in the budget of a running gateway, and it says so: the turns are in the record,
which this command doesn't open, since that could upgrade it. If a gateway on this configuration's
admin.address says that the partner refuses checks, none is made.`,
		Example: `  verdict provider test acme --config verdict.yaml
  VERDICT_PROVIDERS_ACME_SECRETS_CLIENT=... verdict provider test acme --config verdict.yaml`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeConfigured,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, p, r, err := reportOn(cmd, args[0])
			if err != nil {
				return err
			}
			r.ok("configuration", "valid")
			if p.connect(cmd.Context(), r) && p.authenticate(cmd.Context(), r) {
				p.ask(cmd.Context(), r, operator{server: c.Admin.Address, token: token})
			}
			p.lookAtWebhooks(c, r)
			r.words(traitWords(p.Traits(), c.Schedule.MaxSends))
			if r.problems > 0 {
				return fmt.Errorf("problems found: %d", r.problems)
			}
			return nil
		},
	}
}

// openedPartner is a partner with what is configured of it.
type openedPartner struct {
	verdict.Provider
	partnerConfig
	name string
	url  string // its base, where its kind has a setting of that name
	out  verdict.Outward
}

// openPartner opens one of the configured partners.
func (c config) openPartner(name string) (openedPartner, error) {
	if _, ok := c.Providers[name]; !ok {
		return openedPartner{}, fmt.Errorf("there is no partner %q; verdict provider list shows those there are", name)
	}
	p := openedPartner{name: name}
	var err error
	if p.partnerConfig, err = c.partner(name); err != nil {
		return p, err
	}
	p.Kind = cmp.Or(p.Kind, name)
	p.url, p.out.Private = p.calls()
	p.Provider, err = c.openProvider(name)
	return p, err
}

// base is the partner's URL.
func (p openedPartner) base() (*url.URL, error) {
	u, err := url.Parse(p.url)
	if err == nil && u.Host == "" {
		err = fmt.Errorf("the kind %s has no setting url", p.Kind)
	}
	return u, err
}

// A report is printed as it is made.
type report struct {
	to       io.Writer
	problems int
}

func (r *report) title(p openedPartner) {
	fmt.Fprintf(r.to, "%s, of kind %s, at %s\n\n", p.name, p.Kind, maskedURL(p.url))
}

func (r *report) line(mark, about, format string, values ...any) {
	fmt.Fprintf(r.to, "%-8s %-14s %s\n", mark, about, printed(fmt.Sprintf(format, values...))) // partners wrote some of it
}

// ok says that something is as it should be.
func (r *report) ok(about, format string, values ...any) { r.line("ok", about, format, values...) }

// note says something that may be meant.
func (r *report) note(about, format string, values ...any) { r.line("note", about, format, values...) }

// problem says what is wrong, and the mend.
func (r *report) problem(about, format string, values ...any) {
	r.problems++
	r.line("PROBLEM", about, format, values...)
}

// words ends the report with sentences.
func (r *report) words(sentences []string) {
	fmt.Fprintln(r.to)
	for _, sentence := range sentences {
		fmt.Fprintln(r.to, sentence)
	}
}
