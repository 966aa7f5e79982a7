package main

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"verdict"
	"verdict/web/admin"
)

func txCommand() *cobra.Command {
	o := &operator{}
	cmd := &cobra.Command{
		Use:   "tx",
		Short: "Look at transactions as an operator: what is for review, what contradicts itself",
		Long: `Speaks to a gateway's operators' listener (admin.address): run it on the same machine or, where that
listener isn't on loopback, with --token. It sees the transactions of all tenants and owners.`,
		Example: `  verdict tx list
  verdict tx find 152399-536694
  verdict tx show 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d
  verdict tx resolve 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d succeeded --reason "on the statement of 14 January"`,
		Args: cobra.NoArgs, // else a mistyped subcommand would pass for a call for help
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o.flags(cmd)
	cmd.AddCommand(o.listCommand(), o.findCommand(), o.showCommand(), o.checkCommand(), o.resolveCommand(), o.conflictsCommand())
	return cmd
}

// page is which part of a list is asked for.
type page struct {
	after int64
	limit int
}

func (p *page) flags(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&p.after, "after", 0, "go on after this number, as the end of the page before says")
	cmd.Flags().IntVar(&p.limit, "limit", admin.DefaultLimit, "how many at most, up to "+strconv.Itoa(admin.MaxLimit))
}

func (p *page) query() url.Values {
	return url.Values{"after": {strconv.FormatInt(p.after, 10)}, "limit": {strconv.Itoa(p.limit)}}
}

func (o *operator) listCommand() *cobra.Command {
	var p page
	var stage string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the transactions of a stage",
		Long:  "Lists the transactions of a stage in the order of their last change: those for review unless told otherwise.",
		Example: `  verdict tx list
  verdict tx list --stage waiting --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := p.query()
			query.Set("stage", stage)
			return ask(cmd.Context(), o, http.MethodGet, "/v1/transactions?"+query.Encode(), nil, printList)
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&stage, "stage", string(verdict.StageReview), "accepted, sending, waiting, review or settled")
	return cmd
}

func (o *operator) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show all that is known of a transaction",
		Long: `Shows a transaction with all that was heard of it, in the order in which it happened, and what the
partner sent, word for word. What was archived (retention.transactions) isn't on record any more: look for its
id in the files of retention.archive.`,
		Example: "  verdict tx show 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd.Context(), o, http.MethodGet, transactionPath(args[0]), nil, printFile)
		},
	}
}

func (o *operator) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check ID",
		Short: "Have the partner asked at once what became of a transaction",
		Long: `Has the partner asked at once, instead of when a check is due, also for a transaction that is for
review. Where there is nothing to ask it says so.`,
		Example: "  verdict tx check 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd.Context(), o, http.MethodPost, transactionPath(args[0])+"/check", nil, printCheck)
		},
	}
}

func (o *operator) resolveCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "resolve ID succeeded|failed",
		Short: "Settle a transaction that is for review, for good",
		Long: `Settles a transaction that is for review on your word. The verdict is final and is pushed to the app at
once. The reason is kept with the transaction; the app isn't shown it.`,
		Example: `  verdict tx resolve 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d succeeded --reason "on the statement of 14 January"`,
		Args:    cobra.ExactArgs(2),

		ValidArgsFunction: completeOutcome,
		RunE: func(cmd *cobra.Command, args []string) error {
			word := map[string]string{"status": args[1], "reason": reason}
			return ask(cmd.Context(), o, http.MethodPost, transactionPath(args[0])+"/resolve", word, printChange)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "how you know (required)")
	_ = cmd.MarkFlagRequired("reason") // fails only for a flag that isn't there
	return cmd
}

func (o *operator) conflictsCommand() *cobra.Command {
	var p page
	cmd := &cobra.Command{
		Use:   "conflicts",
		Short: "List the evidence that contradicts a verdict",
		Long: `Lists what partners said against a verdict, before it or after. It has changed nothing: a verdict is final,
and what follows from the contradiction is for people to settle with the partner.`,
		Example: `  verdict tx conflicts
  verdict tx conflicts --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd.Context(), o, http.MethodGet, "/v1/conflicts?"+p.query().Encode(), nil, printConflicts)
		},
	}
	p.flags(cmd)
	return cmd
}

func transactionPath(id string) string { return "/v1/transactions/" + url.PathEscape(id) }
