package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/transfer"
)

// A Target is a database that a store is being moved into. Its tables have other names until the move is finished, see stage.
type Target struct {
	conn     *pgx.Conn
	place    string
	database string // as the server has it; a pooler may have another name for it
	run      []byte // names this run, see own
}

var _ transfer.Target = (*Target)(nil)

// OpenTarget connects to the database at url, see Open, to move a store into it. It changes nothing there, and refuses a
// server that isn't fit to keep the record.
func OpenTarget(ctx context.Context, url string) (*Target, error) {
	config, err := parse(url)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	names := nameHosts(config.ConnConfig)
	conn, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return nil, fmt.Errorf("open the target: %w", err)
	}
	t := &Target{conn: conn, place: place(config.ConnConfig), run: make([]byte, 16)}
	rand.Read(t.run) // never fails (crypto/rand)
	if err := t.look(ctx, names); err != nil {
		return nil, errors.Join(fmt.Errorf("open the target %s: %w", t.place, err), t.Close())
	}
	return t, nil
}

// look finds out where the connection leads, and whether the server is as it must be.
func (t *Target) look(ctx context.Context, names map[string][]string) error {
	var schema, encoding string
	const where = `SELECT current_database(), coalesce(current_schema(), ''), current_setting('server_encoding')`
	if err := t.conn.QueryRow(ctx, where).Scan(&t.database, &schema, &encoding); err != nil {
		return err
	}
	if schema == "" { // it is made if the URL names it
		schema = t.conn.Config().RuntimeParams["search_path"]
	}
	host, port := reached(t.conn, names)
	t.place = placeOf(host, port, cmp.Or(t.conn.Config().Database, t.database), schema)
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s; give a database that was made with createdb --encoding=UTF8 --template=template0", encoding)
	}
	return durable(ctx, t.conn)
}

// Begin has a store be moved here. The database, or the schema that the URL chooses, must be empty, or hold what an earlier
// try to move the same store has left there; that try can do nothing more, if it still runs. Begin returns
// transfer.ErrFinished if that store has been moved here already.
func (t *Target) Begin(ctx context.Context, from transfer.Origin) error {
	if err := t.begin(ctx, from); err != nil {
		return fmt.Errorf("open the target %s: %w", t.place, err)
	}
	return nil
}

func (t *Target) begin(ctx context.Context, from transfer.Origin) error {
	if from.Left != "" && from.Left != t.place {
		return fmt.Errorf("%s was moved to %s; give that as the target, or nothing is left to do", from.Name, from.Left)
	}
	if from.Left == "" {
		if err := t.makeSchema(ctx); err != nil {
			return err
		}
	}
	return t.bounded(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schemaLock); err != nil {
			return err
		}
		there, err := tablesIn(ctx, tx)
		switch {
		case err != nil:
			return err
		case slices.Contains(there, "moving") && slices.Contains(there, stagedName("meta")):
			return t.takeOver(ctx, tx, from)
		case from.Left != "":
			return finished(ctx, tx, from, there)
		case len(there) > 0:
			return fmt.Errorf("it isn't empty, and has the tables %s; give an empty database or schema, that no gateway has been started on",
				strings.Join(there, ", "))
		}
		return t.stage(ctx, tx, from)
	})
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
				row, err := rows.Values()
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

// bounded runs a transaction.
func (t *Target) bounded(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, t.conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, targetSettings); err != nil {
			return err
		}
		return do(tx)
	})
}

// within runs a transaction of a move that has begun, as long as no other run has begun since.
func (t *Target) within(ctx context.Context, do func(pgx.Tx) error) error {
	return t.bounded(ctx, func(tx pgx.Tx) error {
		if err := t.own(ctx, tx); err != nil {
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
