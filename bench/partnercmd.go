package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"verdict/bench/partner"
)

// partnerCommand runs the partner of scale; the bench starts it as a process of its own.
func partnerCommand() *cobra.Command {
	var address string
	var settle time.Duration
	var atOnce bool
	c := &cobra.Command{
		Use: "partner", Short: "Run a third party that is quick", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := partner.New(settle)
			if atOnce {
				p = partner.AtOnce()
			}
			server := &http.Server{Addr: address, Handler: p}
			context.AfterFunc(cmd.Context(), func() { server.Close() })
			if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&address, "address", "127.0.0.1:0", "where to listen")
	c.Flags().DurationVar(&settle, "settle", 0, "how long after a submit its verdict is posted")
	c.Flags().BoolVar(&atOnce, "at-once", false, "answer submits with their verdict")
	return c
}
