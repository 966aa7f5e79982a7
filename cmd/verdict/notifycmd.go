package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"verdict"
	"verdict/web/admin"
)

func notifyCommand() *cobra.Command {
	o := &operator{}
	cmd := &cobra.Command{
		Use:   "notify",
		Short: "See what backends of apps were told, tell them again, enable or drop an endpoint",
		Long: `Speaks to a gateway's operators' listener (admin.address), as verdict tx does. A backend that answers
410 Gone is told nothing any more until you enable its endpoint; what it doesn't take is tried again
for three days, then given up, and kept.`,
		Example: `  verdict notify endpoints
  verdict notify list --endpoint shop
  verdict notify replay --endpoint shop`,
		Args: cobra.NoArgs, // else a mistyped subcommand would pass for a call for help
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o.flags(cmd)
	cmd.AddCommand(o.endpointsCommand(), o.noticesCommand(), o.noticesOfCommand(), o.replayCommand(), o.enableCommand(), o.dropCommand(), secretCommand())
	return cmd
}

func (o *operator) endpointsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "endpoints",
		Short:   "List where backends are told, and how it stands",
		Example: "  verdict notify endpoints",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd.Context(), o, http.MethodGet, "/v1/endpoints", nil, printEndpoints)
		},
	}
}

func (o *operator) noticesCommand() *cobra.Command {
	var p page
	var state, endpoint string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what backends couldn't be told, are to be told, or were told",
		Example: `  verdict notify list
  verdict notify list --state pending --endpoint shop`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(cmd.Context(), o, http.MethodGet, noticesPath(p, state, endpoint), nil, printNoticeList)
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&state, "state", string(verdict.NoticeGivenUp), "given_up, pending or told")
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "of one endpoint alone")
	return cmd
}

func noticesPath(p page, state, endpoint string) string {
	query := p.query()
	query.Set("state", state)
	query.Set("endpoint", endpoint)
	return "/v1/notices?" + query.Encode()
}

func (o *operator) noticesOfCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show what backends were told of a transaction",
		Example: "  verdict notify show 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd.Context(), o, http.MethodGet, transactionPath(args[0]), nil, func(to io.Writer, f admin.File) error {
				return printNotices(to, admin.Notices{Notices: f.Notices})
			})
		},
	}
}

func (o *operator) replayCommand() *cobra.Command {
	var endpoint string
	cmd := &cobra.Command{
		Use:   "replay [ID]",
		Short: "Have backends told again: of a transaction, or all that an endpoint was given up on",
		Long: `Has the backends told of a transaction again, at once, or only the one at an endpoint. Without an ID, all that
was given up at an endpoint is told again. Each notice has the webhook-id and the body that it had before.`,
		Example: `  verdict notify replay 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d
  verdict notify replay --endpoint shop`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return ask(cmd.Context(), o, http.MethodPost, replayPath(args[0], endpoint), nil, printNotices)
			}
			if endpoint == "" {
				return errors.New("name a transaction, or an endpoint with --endpoint")
			}
			return o.replayGivenUp(cmd.Context(), endpoint)
		},
	}
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "of one endpoint alone")
	return cmd
}

func replayPath(id, endpoint string) string {
	return transactionPath(id) + "/notify?" + url.Values{"endpoint": {endpoint}}.Encode()
}

// replayGivenUp replays, one after the other, all that was given up at an endpoint.
func (o *operator) replayGivenUp(ctx context.Context, endpoint string) error {
	replayed := 0
	for p := (page{limit: admin.MaxLimit}); ; {
		answer, err := o.call(ctx, http.MethodGet, noticesPath(p, string(verdict.NoticeGivenUp), endpoint), nil)
		if err != nil {
			return err
		}
		var list admin.NoticeList
		if err := json.Unmarshal(answer, &list); err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		for _, n := range list.Notices {
			if _, err := o.call(ctx, http.MethodPost, replayPath(n.Transaction, endpoint), nil); err != nil {
				return fmt.Errorf("after %d were replayed: %w", replayed, err)
			}
			replayed++
		}
		if list.Next == 0 {
			_, err := fmt.Fprintf(o.out, "%d replayed; see verdict notify endpoints\n", replayed)
			return err
		}
		p.after = list.Next
	}
}

func (o *operator) enableCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "enable ENDPOINT",
		Short: "Tell a backend again that had answered 410 Gone",
		Long: `Enables an endpoint that was disabled because the backend answered 410 Gone, or ends a pause that it asked
for. All that became known meanwhile is told.`,
		Example:           "  verdict notify enable shop",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: o.completeEndpoints(func(e admin.Endpoint) bool { return e.Disabled || !e.PausedUntil.IsZero() }),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd.Context(), o, http.MethodPost, "/v1/endpoints/"+url.PathEscape(args[0])+"/enable", nil, printEndpoints)
		},
	}
}

func (o *operator) dropCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drop ENDPOINT",
		Short: "Drop an endpoint that was taken out of the configuration, with what it wasn't told",
		Long: `Drops an endpoint that no gateway is configured to tell any more. What it wasn't told yet, or was given up on, is
deleted, and can't be told it any more; what it was told stays on record. If it is configured again it is new: it is
told the verdicts from then on. If the command is interrupted, give it again.`,
		Example:           "  verdict notify drop shop",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: o.completeEndpoints(func(e admin.Endpoint) bool { return !e.Configured }),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(cmd.Context(), o, http.MethodPost, "/v1/endpoints/"+url.PathEscape(args[0])+"/drop", nil, func(to io.Writer, d admin.Dropped) error {
				_, err := fmt.Fprintf(to, "%s is dropped; notices that it wasn't told: %d\n", args[0], d.Notices)
				return err
			})
		},
	}
}

func secretCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "secret",
		Short:   "Make a secret for signatures, of which the gateway and the backend have each a copy",
		Example: "  verdict notify secret",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			secret := make([]byte, 32)
			rand.Read(secret) // never fails (crypto/rand)
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "whsec_"+base64.StdEncoding.EncodeToString(secret))
			return err
		},
	}
}

func printEndpoints(to io.Writer, list admin.EndpointList) error {
	t := newTable(to)
	t.row("ENDPOINT", "STATE", "PENDING", "OLDEST", "GIVEN UP", "REASON")
	for _, e := range list.Endpoints {
		state := "enabled"
		switch {
		case !e.Configured:
			state = "not configured"
		case e.Disabled:
			state = "disabled"
		case !e.PausedUntil.IsZero():
			state = "paused until " + moment(e.PausedUntil)
		}
		t.row(e.Name, state, strconv.Itoa(e.Pending), momentIfAny(e.Oldest), strconv.Itoa(e.GivenUp), e.Reason)
	}
	return finish(t, to, len(list.Endpoints), 0)
}

func printNoticeList(to io.Writer, list admin.NoticeList) error {
	return printRows(to, list.Notices, list.Next)
}

func printNotices(to io.Writer, n admin.Notices) error { return printRows(to, n.Notices, 0) }

func printRows(to io.Writer, notices []admin.Notice, next int64) error {
	t := newTable(to)
	t.row("NUMBER", "TRANSACTION", "ENDPOINT", "STATE", "VERDICT", "ATTEMPTS", "LAST", "RESULT", "NEXT")
	for _, n := range notices {
		t.row(strconv.FormatInt(n.Number, 10), n.Transaction, n.Endpoint, string(n.State), moment(n.SettledAt),
			strconv.Itoa(n.Attempts), momentIfAny(n.TriedAt), n.Result, momentIfAny(n.Due))
	}
	return finish(t, to, len(notices), next)
}

func momentIfAny(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return moment(t)
}
