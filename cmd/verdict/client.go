package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"verdict"
	"verdict/web/goclient"
)

// clientFlags gives a command the flags of an app. What it returns is asked for the client when the command runs.
func clientFlags(flags *pflag.FlagSet) func() *goclient.Client {
	server := flags.String("server", "http://127.0.0.1:5000", "the gateway's address")
	token := tokenFlag(flags)
	return func() *goclient.Client {
		return &goclient.Client{
			Server: *server, Token: func(context.Context) (string, error) { return token(), nil },
		}
	}
}

// tokenFlag gives a command, and those below it, the flag --token. What it returns is asked for the token when the
// command runs; "" is none. The environment is no default of the flag: the help would print it.
func tokenFlag(flags *pflag.FlagSet) func() string {
	token := flags.String("token", "", "credentials to show, a JWT or an API key (better in VERDICT_TOKEN, where ps doesn't show it)")
	return func() string { return cmp.Or(*token, os.Getenv("VERDICT_TOKEN")) }
}

func submitCommand() *cobra.Command {
	var r goclient.Request
	var watch bool
	cmd := &cobra.Command{
		Use:   "submit [payload]",
		Short: "Submit a transaction, and follow it if asked to",
		Long: `Submits a JSON object as a transaction and prints what the gateway answers, one JSON object a line.
A network that breaks is tried again with the same key, which acts once. Without --key it makes a key, or
fetches one from a gateway that makes them itself.`,
		Example: `  verdict submit '{"amount":"2500","currency":"XOF"}' --watch
  verdict submit '{"simulate":{"reply":"timeout","settles":true}}' --key order-17 --watch`,
		Args: cobra.MaximumNArgs(1),
	}
	client := clientFlags(cmd.Flags())
	cmd.Flags().StringVar(&r.Key, "key", "", "idempotency key (default a new one)")
	cmd.Flags().StringVar(&r.Operation, "operation", "transaction", "what the transaction is for")
	cmd.Flags().StringVar(&r.Provider, "provider", "", "the partner (default the gateway's)")
	cmd.Flags().BoolVar(&watch, "watch", false, "follow it until the verdict")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ctx, c, out := cmd.Context(), client(), cmd.OutOrStdout()
		r.Payload = json.RawMessage("{}")
		if len(args) == 1 {
			r.Payload = json.RawMessage(args[0])
		}
		submitted, err := submit(ctx, c, r)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(submitted.View); err != nil || !watch || submitted.Stage == verdict.StageSettled {
			return err
		}
		return printEvents(out, c.Watch(ctx, submitted.ID), nil)
	}
	return cmd
}

// submit submits a transaction. Without a key it makes one, and fetches another if the gateway takes its own alone.
func submit(ctx context.Context, c *goclient.Client, r goclient.Request) (goclient.Submitted, error) {
	if r.Key != "" {
		return c.Submit(ctx, r)
	}
	r.Key = uuid.NewString()
	submitted, err := c.Submit(ctx, r)
	if problem, ok := errors.AsType[*goclient.Problem](err); !ok || problem.Slug() != "key-unknown" {
		return submitted, err
	}
	if r.Key, _, err = c.IssueKey(ctx, r.Operation); err != nil {
		return submitted, err
	}
	return c.Submit(ctx, r)
}

func watchCommand() *cobra.Command {
	var after int64
	var from goclient.Position
	var confirm bool
	cmd := &cobra.Command{
		Use:   "watch [ID]",
		Short: "Follow a transaction until its verdict, or the verdicts of all of yours",
		Long: `Follows a transaction over server-sent events and prints each state, one JSON object a line, until the
verdict is known. Without an ID it prints the verdicts of all your transactions, from now on unless told
otherwise, and doesn't end. It comes back by itself when the connection breaks.`,
		Example: `  verdict watch 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d
  verdict watch --unconfirmed --confirm
  verdict watch --after 17`,
		Args: cobra.MaximumNArgs(1),
	}
	flags := cmd.Flags()
	client := clientFlags(flags)
	flags.Int64Var(&after, "after", 0, "begin after the event of this number, 0 for all there are (without an ID)")
	flags.BoolVar(&from.Unconfirmed, "unconfirmed", false, "begin with the verdicts that nobody has confirmed (without an ID)")
	flags.BoolVar(&confirm, "confirm", false, "confirm each verdict once it is printed")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 && (flags.Changed("after") || from.Unconfirmed) {
			return errors.New("--after and --unconfirmed are for all your transactions; leave them or the ID out")
		}
		if flags.Changed("after") {
			from.After = &after
		}
		ctx, c := cmd.Context(), client()
		events := c.Events(ctx, from)
		if len(args) == 1 {
			events = c.Watch(ctx, args[0])
		}
		var confirmed func(goclient.Event) error
		if confirm {
			confirmed = func(e goclient.Event) error {
				_, err := c.Confirm(ctx, e.Transaction.ID, e.ID)
				return err
			}
		}
		return printEvents(cmd.OutOrStdout(), events, confirmed)
	}
	return cmd
}

// printEvents prints each event's transaction on a line. confirm, if any, is called with each verdict that was printed.
func printEvents(out io.Writer, events iter.Seq2[goclient.Event, error], confirm func(goclient.Event) error) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", e.Data); err != nil {
			return err
		}
		if confirm == nil || !e.Settled() {
			continue
		}
		if err := confirm(e); err != nil {
			return fmt.Errorf("confirm %s: %w", e.Transaction.ID, err)
		}
	}
	return nil
}

// refusal is the error of an answer that is no success.
func refusal(answer *http.Response) error { return goclient.ReadProblem(answer) }
