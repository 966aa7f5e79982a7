package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// operator speaks to a gateway as the support desk would.
type operator struct {
	server string
	token  func() string
	json   bool
	out    io.Writer
}

// flags gives a command, and those below it, what an operator may be told.
func (o *operator) flags(cmd *cobra.Command) {
	o.reachFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().BoolVar(&o.json, "json", false, "print what the gateway answers, for machines")
	cmd.PersistentPreRun = func(cmd *cobra.Command, _ []string) { o.out = cmd.OutOrStdout() }
}

// reachFlags are where the gateway is, and who asks.
func (o *operator) reachFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.server, "admin", "http://127.0.0.1:5001", "the operators' listener of the gateway")
	o.token = tokenFlag(flags)
}

// operatorTimeout bounds one request.
const operatorTimeout = 30 * time.Second

// ask sends a request and prints what is answered: as it is, or in a form for people.
func ask[T any](ctx context.Context, o *operator, method, path string, body any, show func(io.Writer, T) error) error {
	ctx, cancel := context.WithTimeout(ctx, operatorTimeout)
	defer cancel()
	answer, err := o.call(ctx, method, path, body)
	if err != nil {
		return err
	}
	if o.json {
		_, err := fmt.Fprintf(o.out, "%s\n", answer)
		return err
	}
	var v T
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return show(o.out, v)
}

// call sends a request, and returns what a successful one is answered.
func (o *operator) call(ctx context.Context, method, path string, body any) ([]byte, error) {
	answer, err := o.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, refusal(answer)
	}
	return io.ReadAll(answer.Body)
}

// send sends a request. The answer's body must be closed.
func (o *operator) send(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, o.base()+path, &content)
	if err != nil {
		return nil, err
	}
	if token := o.token(); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w; --admin names the gateway's operators' listener, its admin.address", err)
	}
	return answer, nil
}

// base takes an address for a URL, as the gateway's own settings do.
func (o *operator) base() string {
	if !strings.Contains(o.server, "://") {
		return "http://" + o.server
	}
	return strings.TrimRight(o.server, "/")
}
