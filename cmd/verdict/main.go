// Command verdict is the gateway, its demo with a simulated third party, and a small client.
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
	if err := commands().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "verdict:", err)
		os.Exit(1)
	}
}

func commands() *cobra.Command {
	root := &cobra.Command{
		Use:   "verdict",
		Short: "A push backend between an app and a slow, unreliable third party",
		Long: `Verdict accepts an app's transaction, answers "pending" at once, asks the third party
exactly once in effect, and pushes the verdict to the app the moment it is known.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(completeNothing)
	root.AddCommand(
		serveCommand(), demoCommand(), thirdPartyCommand(), submitCommand(), watchCommand(), txCommand(),
		notifyCommand(), planCommand(), readyCommand(), providerCommand(), migrateCommand(), backupCommand(), restoreCommand(), configCommand(),
		apiKeyCommand(), versionCommand(),
	)
	return root
}
