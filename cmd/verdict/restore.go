package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"verdict"
	"verdict/persistence"
	"verdict/persistence/sqlite"
)

func restoreCommand() *cobra.Command {
	var inPlace bool
	cmd := &cobra.Command{
		Use:   "restore [FILE]",
		Short: "Bring a copy of the record into use",
		Long: `Makes the record that the settings name (database: sqlite:PATH, where no file may be yet) of a backup, and makes
it fit for use. --in-place makes a copy fit that was put there by other means: a PostgreSQL database by
pg_restore or from a base backup, a file by a snapshot of its disk. Give the settings of the gateway:
they say when partners are asked. No gateway may run on the record before the command has ended.

What happened after the copy was made isn't in it. So nothing in it is sent on its word: every transaction
without a verdict counts as sent now, with the outcome unknown. It is asked about by the schedule, and ends
by the rules for what may have been sent. Events go on at numbers that were never given.

Transactions that were accepted after the copy was made are lost to the record. If an app sends one of
them again, it is a new one, and a partner may carry it out a second time. Compare the partner's statement
for that time with the record before you let apps in; see docs/operating.md.`,
		Example: `  verdict restore --config verdict.yaml /backup/verdict-2026-01-14.db
  verdict restore --config verdict.yaml --in-place`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == inPlace {
				return errors.New("give either the FILE to restore, or --in-place if the copy stands where the setting database says")
			}
			c, err := effectiveConfig(cmd)
			if err != nil {
				return err
			}
			if inPlace {
				return restoreInPlace(cmd.Context(), c, cmd.OutOrStdout())
			}
			return restoreFile(cmd.Context(), c, args[0], cmd.OutOrStdout())
		},
	}
	addFlags(cmd.Flags())
	cmd.Flags().BoolVar(&inPlace, "in-place", false, "the database is a copy already; make it fit for use")
	return cmd
}

func restoreFile(ctx context.Context, c config, from string, out io.Writer) error {
	to, ok := sqlitePath(c.Database)
	if !ok {
		return errors.New("a file is restored to the setting database, which is not sqlite:PATH; for PostgreSQL restore it with " +
			"the tools that made the backup, then run verdict restore --in-place")
	}
	r, err := c.restoring()
	if err != nil {
		return err
	}
	began := time.Now()
	var done verdict.Restored
	made, err := sqlite.Restore(ctx, from, to, func(s *sqlite.Store) (err error) {
		r.Store = s
		done, err = r.Run(ctx, time.Now())
		return err
	})
	if err != nil {
		return err
	}
	if err := printCopy(out, "is restored to", from, made, time.Since(began)); err != nil {
		return err
	}
	if !made.At.IsZero() {
		_, err = fmt.Fprintf(out, "It was made at %s, %s ago. What was accepted since is not in it: compare the partners' statements from then on.\n",
			made.At.Format(time.RFC3339), time.Since(made.At).Round(time.Second))
	}
	return errors.Join(err, printRestored(out, done))
}

func restoreInPlace(ctx context.Context, c config, out io.Writer) (err error) {
	r, err := c.restoring()
	if err != nil {
		return err
	}
	if c.Database == "memory:" {
		return errors.New("config: database: a store in memory has nothing to restore")
	}
	if path, ok := sqlitePath(c.Database); ok {
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("config: database: %w; put the copy there, or restore a FILE to it", err)
		}
	}
	store, err := persistence.Open(ctx, c.Database)
	if err != nil {
		return fmt.Errorf("config: database: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	r.Store = store.(verdict.Restorable) // which all are
	done, err := r.Run(ctx, time.Now())
	if err != nil {
		return fmt.Errorf("%w; the record isn't fit for use: run the command again", err)
	}
	return printRestored(out, done)
}

// restoring goes by the schedule alone: it knows nothing of what was learned of the partners. It lacks its store.
func (c config) restoring() (*verdict.Restoring, error) {
	providers, err := c.openProviders()
	return &verdict.Restoring{Policy: func(name string) verdict.Policy {
		p := verdict.Policy{Schedule: c.Schedule.schedule()}
		if known, ok := providers[name]; ok {
			p.Traits = known.Traits()
		}
		return p
	}}, err
}

func printRestored(out io.Writer, done verdict.Restored) error {
	_, err := fmt.Fprintf(out, "%d transactions without a verdict are asked about before anything of them is sent; %d more are for review. "+
		"Events go on after %d.\n", done.Asked, done.Review, done.LastEvent+verdict.SkippedEventIDs)
	return err
}
