package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/transfer"
)

// A Target is a database that a store is being moved into. Its tables have other names until the move is finished, see stage.
type Target struct {
	conn  *pgx.Conn
	place string
}

var _ transfer.Target = (*Target)(nil)

// OpenTarget opens the database at url, see Open, to move a store into it. The database, or the schema that the URL chooses,
// must be empty, hold a record with nothing in it, or hold what an earlier try to move the same store has left there. It
// returns transfer.ErrFinished if that store has been moved here already.
func OpenTarget(ctx context.Context, url string, from transfer.Origin) (*Target, error) {
	config, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	t := &Target{conn: conn, place: place(config.ConnConfig)}
	if schema := config.ConnConfig.RuntimeParams["search_path"]; schema != "" {
		t.place += "?search_path=" + schema
	}
	if err := t.open(ctx, url, from); err != nil {
		return nil, errors.Join(fmt.Errorf("open the target %s: %w", t.place, err), t.Close())
	}
	return t, nil
}

func (t *Target) open(ctx context.Context, url string, from transfer.Origin) error {
	if from.Left != "" && from.Left != t.place {
		return fmt.Errorf("%s was moved to %s; give that as the target, or nothing is left to do", from.Name, from.Left)
	}
	if err := durable(ctx, t.conn); err != nil {
		return err
	}
	staged, err := t.staged(ctx, from)
	if err != nil || staged {
		return err
	}
	if from.Left != "" {
		return transfer.ErrFinished
	}
	s, err := Open(ctx, url) // which makes the tables
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	return t.stage(ctx, from)
}

// Close closes the connection.
func (t *Target) Close() error { return t.conn.Close(context.Background()) }

// Place implements transfer.Target.
func (t *Target) Place() string { return t.place }

// Count implements transfer.Reader.
func (t *Target) Count(ctx context.Context, of transfer.Table) (rows int64, err error) {
	err = t.within(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, "SELECT count(*) FROM "+stagedName(of.Name)).Scan(&rows)
	})
	return rows, err
}

// errEnough ends a read that the caller has had enough of.
var errEnough = errors.New("enough was read")

// Rows implements transfer.Reader.
func (t *Target) Rows(ctx context.Context, of transfer.Table, in transfer.Range) iter.Seq2[transfer.Row, error] {
	return func(yield func(transfer.Row, error) bool) {
		where, args := whereIn(of, in)
		query := "SELECT " + selectColumns(of) + " FROM " + stagedName(of.Name) + where + " ORDER BY " + of.Key().Name
		err := t.within(ctx, func(tx pgx.Tx) error {
			rows, err := tx.Query(ctx, query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				row, err := scanRow(rows)
				if err != nil {
					return err
				}
				if !yield(row, nil) {
					return errEnough
				}
			}
			return rows.Err()
		})
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// Replace implements transfer.Target.
func (t *Target) Replace(ctx context.Context, of transfer.Table, in transfer.Range, with []transfer.Row) error {
	where, args := whereIn(of, in)
	return t.within(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM "+stagedName(of.Name)+where, args...); err != nil {
			return err
		}
		names := make([]string, len(of.Columns))
		for i, column := range of.Columns {
			names[i] = column.Name
		}
		_, err := tx.CopyFrom(ctx, pgx.Identifier{stagedName(of.Name)}, names, pgx.CopyFromSlice(len(with), func(n int) ([]any, error) {
			return copied(of, with[n]), nil
		}))
		return err
	})
}

// targetSettings bound how long we wait for the locks of others, and not how long the work takes. They end with their
// transaction.
const targetSettings = `SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '30s', true),
	CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL THEN set_config('transaction_timeout', '0', true) END,
	set_config('tcp_keepalives_idle', '5', true), set_config('tcp_keepalives_interval', '5', true),
	set_config('tcp_keepalives_count', '2', true)`

// within runs a transaction.
func (t *Target) within(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, t.conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, targetSettings); err != nil {
			return err
		}
		return do(tx)
	})
}

func whereIn(t transfer.Table, in transfer.Range) (where string, args []any) {
	var bounds []string
	for _, bound := range []struct {
		operator string
		key      any
	}{{">", in.After}, {"<=", in.Until}} {
		if bound.key != nil {
			args = append(args, bound.key)
			bounds = append(bounds, fmt.Sprintf("%s %s $%d", t.Key().Name, bound.operator, len(args)))
		}
	}
	if len(bounds) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(bounds, " AND "), args
}

// selectColumns are the columns as a transfer.Row holds them.
func selectColumns(t transfer.Table) string {
	columns := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		switch columns[i] = column.Name; column.Kind {
		case transfer.Text:
			columns[i] = fmt.Sprintf("convert_to(%s, 'UTF8')", column.Name)
		case transfer.Number:
			columns[i] += "::bigint"
		case transfer.Flag:
			columns[i] += "::integer::bigint"
		}
	}
	return strings.Join(columns, ", ")
}

func scanRow(rows pgx.Rows) (transfer.Row, error) {
	values, err := rows.Values()
	return values, err
}

// copied is a row as its columns hold it.
func copied(t transfer.Table, row transfer.Row) []any {
	values := make([]any, len(row))
	for i, value := range row {
		switch kind := t.Columns[i].Kind; {
		case value == nil:
		case kind == transfer.Text:
			values[i] = string(value.([]byte))
		case kind == transfer.Flag:
			values[i] = value.(int64) != 0
		default:
			values[i] = value
		}
	}
	return values
}
