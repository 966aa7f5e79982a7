package main

import (
	"context"
	"net"

	"github.com/spf13/cobra"

	"verdict/bench/floor"
)

// floorCommand runs a floor; the bench starts it as a process of its own.
func floorCommand() *cobra.Command {
	var address string
	c := &cobra.Command{
		Use: "floor NAME", Short: "Run one of the simplest servers that push", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			context.AfterFunc(cmd.Context(), func() { l.Close() })
			return floor.Serve(args[0], l)
		},
	}
	c.Flags().StringVar(&address, "address", "127.0.0.1:0", "where to listen")
	return c
}
