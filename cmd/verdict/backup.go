package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"verdict/persistence/sqlite"
)

func backupCommand() *cobra.Command {
	var replace bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the record to a file, while it is in use",
		Long: `Copies the record that the settings name (database) to FILE, also while gateways work on it. They go on as
before. The copy is of the moment at which the command began; it was checked, and is on disk, when the
command ends without an error.

No gateway opens the copy as it is: what has happened since isn't in it. verdict restore brings it into
use. A PostgreSQL database is backed up with its own tools.`,
		Example: `  verdict backup --config verdict.yaml /backup/verdict-$(date +%F).db
  verdict backup --database sqlite:/var/lib/verdict/verdict.db /backup/verdict.db --force`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := effectiveConfig(cmd)
			if err != nil {
				return err
			}
			path, ok := sqlitePath(c.Database)
			if !ok {
				return errNoBackup(c.Database)
			}
			began := time.Now()
			made, err := sqlite.Backup(cmd.Context(), path, args[0], replace)
			if err != nil {
				return err
			}
			return printCopy(cmd.OutOrStdout(), "is backed up to", path, made, time.Since(began))
		},
	}
	addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&replace, "force", false, "replace FILE if there is one")
	return cmd
}

func errNoBackup(database string) error {
	if strings.HasPrefix(database, "postgres:") {
		return errors.New("the record is in PostgreSQL: back it up with pg_dump --format=custom, or better with a base backup and an " +
			"archive of its log, which loses less; see docs/operating.md, and verdict restore --help for the way back")
	}
	return errors.New("there is no file to back up: the setting database is not sqlite:PATH")
}

func printCopy(out io.Writer, did, from string, c sqlite.Copy, took time.Duration) error {
	_, err := fmt.Fprintf(out, "%s %s %s: %d transactions (%d without a verdict), %d pieces of evidence, %d parked webhooks, "+
		"events up to %d, %.1f MB in %s.\n", from, did, c.Path, c.Transactions, c.Pending, c.Evidence, c.Parked, c.LastEvent,
		float64(c.Bytes)/1e6, took.Round(time.Millisecond))
	return err
}
