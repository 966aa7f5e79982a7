// Command bench measures Verdict from outside, beside the least that does something similar. README.md says what and how.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := &cobra.Command{
		Use: "bench", Short: "Measure Verdict", SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(pushCommand(), scaleCommand(), floorCommand(), partnerCommand(), acceptCommand(), submitCommand(), pathCommand(), growthCommand(), soakCommand(), overloadCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
