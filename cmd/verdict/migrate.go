package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"verdict/persistence/postgres"
	"verdict/persistence/sqlite"
	"verdict/persistence/transfer"
)

func migrateCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move the record from SQLite to PostgreSQL",
		Long: `Copies the record from a SQLite file into a PostgreSQL database, compares both to the last byte, and marks
the file as moved. Nothing is lost and nothing is renamed: keys, event ids, webhook URLs and what
partners allow stay as they are.

A gateway that runs on the file goes on reading and pushing meanwhile, and answers 503 to what it would
have to store. If this is interrupted, however that may be, the file is as it was: run it again, and what is
there already isn't copied again. Once the file is marked no gateway opens it any more, and before
that none opens the database.

The database, or the schema that search_path=NAME in the URL chooses, must be empty. A password may be
left out of the URL and given in PGPASSWORD or ~/.pgpass.`,
		Example: `  verdict migrate --from sqlite:data/verdict.db --to postgres://verdict@db.internal:5432/verdict`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return migrate(cmd.Context(), from, to, cmd.OutOrStdout(), newTeller(os.Stderr))
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the record, as the setting database names it: sqlite:PATH (required)")
	cmd.Flags().StringVar(&to, "to", "", "where to: postgres://USER:PASSWORD@HOST:PORT/DATABASE (required)")
	_ = cmd.MarkFlagRequired("from") // fails only for a flag that isn't there
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

// migrate moves a record. The source is held still from the first step to the last.
func migrate(ctx context.Context, from, to string, out io.Writer, progress *teller) (err error) {
	began := time.Now()
	path, ok := sqlitePath(from)
	if !ok {
		return errors.New("--from: give sqlite:PATH, such as sqlite:data/verdict.db") // and show no password
	}
	if !strings.HasPrefix(to, "postgres://") {
		return errors.New("--to: give postgres://USER:PASSWORD@HOST:5432/DATABASE")
	}
	source, err := sqlite.OpenSource(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := postgres.OpenTarget(ctx, to) // before a gateway on the file has to wait
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()

	origin, err := source.Hold(ctx)
	if err != nil {
		return err
	}
	err = target.Begin(ctx, origin)
	if errors.Is(err, transfer.ErrFinished) {
		_, err := fmt.Fprintf(out, "%s was moved to %s already. Nothing is left to do.\n", origin.Name, origin.Left)
		return err
	}
	if err != nil {
		return err
	}
	compared, err := transfer.Move(ctx, source, target, progress.tell)
	progress.end()
	if errors.Is(err, context.Canceled) {
		if origin.Left != "" {
			return fmt.Errorf("interrupted: %s is marked as moved to %s, and no gateway opens either before that is finished; "+
				"run it again (%w)", origin.Name, origin.Left, err)
		}
		return fmt.Errorf("interrupted: %s is in use as before; run it again to go on (%w)", origin.Name, err)
	}
	if e := printComparison(out, compared); e != nil || err != nil {
		return errors.Join(err, e)
	}
	_, err = fmt.Fprintf(out, "%s was moved to %s: %s in %s. Give the gateways that as database.\n",
		origin.Name, target.Place(), size(compared), time.Since(began).Round(100*time.Millisecond))
	return err
}

// size says how much was moved.
func size(compared []transfer.Comparison) string {
	var rows, bytes int64
	for _, c := range compared {
		rows += c.Source.Rows
		bytes += c.Source.Bytes
	}
	return fmt.Sprintf("%d rows, %.1f MB", rows, float64(bytes)/1e6)
}

// sqlitePath returns the path in sqlite:PATH. Three slashes, as other programs write them, begin an absolute path.
func sqlitePath(url string) (path string, ok bool) {
	path, ok = strings.CutPrefix(url, "sqlite:")
	if strings.HasPrefix(path, "///") {
		path = path[2:]
	}
	return path, ok && path != "" && !strings.HasPrefix(path, "//")
}

// printComparison prints the tables of both stores beside each other.
func printComparison(out io.Writer, compared []transfer.Comparison) error {
	if len(compared) == 0 {
		return nil
	}
	t := newTable(out)
	t.row("TABLE", "SOURCE", "TARGET", "SHA-256")
	for _, c := range compared {
		digest := fmt.Sprintf("%x, the same in both", c.Source.Digest)
		if !c.Same() {
			digest = fmt.Sprintf("DIFFERENT: %x in the source, %x in the target", c.Source.Digest, c.Target.Digest)
		}
		t.row(c.Table, fmt.Sprint(c.Source.Rows), fmt.Sprint(c.Target.Rows), digest)
	}
	return t.Flush()
}
