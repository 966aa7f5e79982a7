package main

import (
	"context"
	"errors"
	"net"

	"github.com/spf13/cobra"

	"verdict/bench/accept"
)

// acceptCommand runs one of the simplest servers that accept a transaction; the bench starts it as a process of its own.
func acceptCommand() *cobra.Command {
	var address string
	config := accept.Config{Dir: "."}
	c := &cobra.Command{
		Use: "accept NAME", Short: "Run one of the simplest servers that accept", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			context.AfterFunc(cmd.Context(), func() { l.Close() })
			if err := accept.Serve(cmd.Context(), args[0], l, config); !errors.Is(err, net.ErrClosed) {
				return err
			}
			return nil
		},
	}
	c.Flags().StringVar(&address, "address", "127.0.0.1:0", "where to listen")
	c.Flags().StringVar(&config.Database, "database", "", "URL of PostgreSQL")
	c.Flags().StringVar(&config.Partner, "partner", "", "URL of the partner")
	return c
}
