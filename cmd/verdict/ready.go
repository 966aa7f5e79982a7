package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// readyTimeout bounds how long a gateway may take to say how it is. It gives itself two seconds.
const readyTimeout = 5 * time.Second

// errNotReady is why the command ends with 1; what it printed says more.
var errNotReady = errors.New("it should get no requests")

func readyCommand() *cobra.Command {
	o := &operator{}
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Say whether a gateway should get requests, and exit with 1 if not",
		Long: `Asks /readyz, prints how each thing stands that the gateway can't do well without, and exits with 1 if the
gateway should get no requests or doesn't answer within five seconds. It is the health check of the image,
which holds nothing else to ask with, and a way for scripts to wait for a start.

Speaks to a gateway's operators' listener (admin.address); --admin may name that for probes (admin.probes)
as well, which says no more than "ready" or "not ready".`,
		Example: `  verdict ready
  until verdict ready; do sleep 1; done`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.ready(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.reachFlags(cmd.Flags())
	return cmd
}

func (o *operator) ready(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	answer, err := o.send(ctx, http.MethodGet, "/readyz", nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	unready := answer.StatusCode == http.StatusServiceUnavailable
	if answer.StatusCode != http.StatusOK && !unready {
		return refusal(answer)
	}
	if _, err := io.Copy(out, answer.Body); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if unready {
		return errNotReady
	}
	return nil
}
