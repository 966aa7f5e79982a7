package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"verdict"
)

// client speaks to a gateway as an app would.
type client struct {
	server string // without a slash at the end
	out    io.Writer
}

// clientFlags gives a command the flag --server.
func clientFlags(cmd *cobra.Command) *string {
	return cmd.Flags().String("server", "http://127.0.0.1:5000", "the gateway's address")
}

func submitCommand() *cobra.Command {
	var key, operation, partner string
	var watch bool
	cmd := &cobra.Command{
		Use:   "submit [payload]",
		Short: "Submit a transaction, and follow it if asked to",
		Long: `Submits a JSON object as a transaction and prints what the gateway answers, one JSON object a line.
A network that breaks is tried again with the same key, which acts once.`,
		Example: `  verdict submit '{"amount":"2500","currency":"XOF"}' --watch
  verdict submit '{"simulate":{"reply":"timeout","settles":true}}' --key order-17 --watch`,
		Args: cobra.MaximumNArgs(1),
	}
	server := clientFlags(cmd)
	cmd.Flags().StringVar(&key, "key", "", "idempotency key (default a new one)")
	cmd.Flags().StringVar(&operation, "operation", "transaction", "what the transaction is for")
	cmd.Flags().StringVar(&partner, "provider", "", "the partner (default the gateway's)")
	cmd.Flags().BoolVar(&watch, "watch", false, "follow it until the verdict")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		payload := "{}"
		if len(args) == 1 {
			payload = args[0]
		}
		if key == "" {
			key = uuid.NewString()
		}
		c := client{server: strings.TrimRight(*server, "/"), out: cmd.OutOrStdout()}
		v, err := c.submit(cmd.Context(), key, operation, partner, payload)
		if err != nil || !watch || v.Status != verdict.Pending {
			return err
		}
		return c.watch(cmd.Context(), v.ID)
	}
	return cmd
}

func watchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch ID",
		Short: "Follow a transaction until its verdict",
		Long: `Follows a transaction over server-sent events and prints each state, one JSON object a line, until the
verdict is known. It comes back by itself when the connection breaks.`,
		Example: "  verdict watch 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d",
		Args:    cobra.ExactArgs(1),
	}
	server := clientFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c := client{server: strings.TrimRight(*server, "/"), out: cmd.OutOrStdout()}
		return c.watch(cmd.Context(), args[0])
	}
	return cmd
}

// tries is how often the client sends a request that the network swallowed.
const tries = 5

// submit sends the transaction until an answer comes, with the same key each time.
func (c client) submit(ctx context.Context, key, operation, partner, payload string) (verdict.View, error) {
	envelope := map[string]any{"operation": operation, "payload": json.RawMessage(payload)}
	if partner != "" {
		envelope["provider"] = partner
	}
	body, err := json.Marshal(envelope)
	if err != nil {
		return verdict.View{}, fmt.Errorf("payload: %w; give a JSON object", err)
	}
	for try := 1; ; try++ {
		v, err := c.post(ctx, key, body)
		var refused *refusedError
		if err == nil || errors.As(err, &refused) || try == tries || ctx.Err() != nil {
			return v, err
		}
		if err := pause(ctx, time.Duration(try)*time.Second); err != nil {
			return v, err
		}
	}
}

func (c client) post(ctx context.Context, key string, body []byte) (verdict.View, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+"/v1/transactions", bytes.NewReader(body))
	if err != nil {
		return verdict.View{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return verdict.View{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return verdict.View{}, refusal(answer)
	}
	var v verdict.View
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil {
		return verdict.View{}, fmt.Errorf("read the answer: %w", err)
	}
	return v, json.NewEncoder(c.out).Encode(v)
}

// watch prints the states of a transaction until its verdict, coming back when the stream ends before.
func (c client) watch(ctx context.Context, id string) error {
	var last string // the last event's id
	for {
		settled, err := c.follow(ctx, id, &last)
		var refused *refusedError
		if settled || errors.As(err, &refused) || ctx.Err() != nil {
			return err
		}
		if err := pause(ctx, time.Second/2+rand.N(time.Second)); err != nil {
			return err
		}
	}
}

// follow prints the events of one connection. It reports whether the verdict was among them.
func (c client) follow(ctx context.Context, id string, last *string) (settled bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+"/v1/transactions/"+url.PathEscape(id)+"/events", nil)
	if err != nil {
		return false, err
	}
	r.Header.Set("Accept", "text/event-stream")
	if *last != "" {
		r.Header.Set("Last-Event-ID", *last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return true, nil
	}
	if answer.StatusCode >= 300 {
		return false, refusal(answer)
	}
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			*last = id
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var v verdict.View
		if err := json.Unmarshal([]byte(data), &v); err != nil {
			return false, fmt.Errorf("read an event: %w", err)
		}
		fmt.Fprintln(c.out, data)
		if v.Status != verdict.Pending {
			return true, nil
		}
	}
	return false, lines.Err()
}

// refusedError is the gateway's answer that a request can't be served as it is.
type refusedError struct {
	status string
	detail string
}

func (e *refusedError) Error() string { return e.status + ": " + e.detail }

// refusal reads a problem document. A server's own trouble is no refusal: it may pass.
func refusal(answer *http.Response) error {
	var problem struct{ Title, Detail string }
	_ = json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&problem) // without one the status says it
	detail := problem.Title
	if problem.Detail != "" {
		detail += ". " + problem.Detail
	}
	e := &refusedError{answer.Status, detail}
	if answer.StatusCode >= 500 {
		return errors.New(e.Error())
	}
	return e
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
