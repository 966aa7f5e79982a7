package growth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	_ "github.com/mattn/go-sqlite3" // the driver
)

// batch is how many transactions are filled in by one commit.
const batch = 100_000

// newID is an id like Verdict's (RFC 9562, version 7) of the n-th transaction that is filled in: of the year 2024, ten of each
// millisecond, so that they come in order, and before all that are made later.
const newID = `printf('%08x-%04x-7%03x-8000-%012x', (1704067200000 + n / 10) >> 16, (1704067200000 + n / 10) & 65535, n & 4095, n)`

// replaced are the columns in which no two transactions are alike, and what they hold in the n-th. The event ids follow those
// that were given; ? is the last of them.
var replaced = map[string]string{
	"id": newID, "transaction_id": newID, "key": `'fill-' || n`, "event_id": `? + n`,
}

// fill adds so many transactions to a record, each like one of those that it has, by SQL: their rows, and those of other tables
// that belong to them. It knows of the schema what replaced says, and copies the rest. Nobody else may have the file open.
func fill(ctx context.Context, file string, count int, progress func(done int)) (err error) {
	db, err := sql.Open("sqlite3", "file:"+file+"?_synchronous=OFF&_busy_timeout=10000")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1) // the temporary tables are of the connection
	f := filler{db: db}
	if err := f.prepare(ctx); err != nil {
		return err
	}
	for done := 0; done < count; {
		n := min(batch, count-done)
		if err := f.add(ctx, done+1, done+n); err != nil {
			return err
		}
		done += n
		progress(done)
	}
	_, err = db.ExecContext(ctx, `UPDATE meta SET event = event + ?; PRAGMA wal_checkpoint(TRUNCATE)`, count)
	return err
}

type filler struct {
	db    *sql.DB
	event int64  // the last id given before
	slots int    // how many transactions there are to be like
	adds  []step // for each table
}

// step is a statement that adds rows for the transactions of a range: its parameters are first and last, and so many times event.
type step struct {
	query  string
	events int
}

func (f *filler) prepare(ctx context.Context) error {
	err := f.db.QueryRowContext(ctx, `SELECT event FROM meta`).Scan(&f.event)
	if err != nil {
		return err
	}
	_, err = f.db.ExecContext(ctx, `PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 20000;
		CREATE TEMP TABLE template AS SELECT row_number() OVER () - 1 AS slot, id AS template_id FROM transactions WHERE stage = 'settled'`)
	if err != nil {
		return err
	}
	if err := f.db.QueryRowContext(ctx, `SELECT count(*) FROM template`).Scan(&f.slots); err != nil {
		return err
	}
	if f.slots == 0 {
		return errors.New("no transaction is settled that others could be like")
	}
	tables, err := f.tables(ctx)
	if err != nil {
		return err
	}
	for _, table := range tables {
		s, err := f.step(ctx, table)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		f.adds = append(f.adds, s)
	}
	return nil
}

// tables are transactions, and those with rows that belong to one.
func (f *filler) tables(ctx context.Context) ([]string, error) {
	return f.names(ctx, `SELECT 'transactions' UNION ALL
		SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'transaction_id'`)
}

func (f *filler) step(ctx context.Context, table string) (s step, err error) {
	columns, err := f.columns(ctx, table)
	if err != nil {
		return s, err
	}
	owner := "transaction_id"
	if table == "transactions" {
		owner = "id"
		for column := range replaced {
			if column != "transaction_id" && !slices.Contains(columns, column) {
				return s, fmt.Errorf("it has no %s any more; adapt bench/growth/fill.go", column)
			}
		}
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		if values[i] = replaced[column]; values[i] == "" {
			values[i] = "t." + column
		}
		s.events += strings.Count(values[i], "?")
	}
	s.query = fmt.Sprintf(`WITH RECURSIVE range(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM range WHERE n < ?)
		INSERT INTO %s (%s) SELECT %s FROM range CROSS JOIN template ON slot = n %% %d CROSS JOIN %s t ON t.%s = template_id`,
		table, strings.Join(columns, ", "), strings.Join(values, ", "), f.slots, table, owner)
	return s, nil
}

// columns are those of a table but for its own number, which SQLite gives.
func (f *filler) columns(ctx context.Context, table string) ([]string, error) {
	return f.names(ctx, `SELECT name FROM pragma_table_info(?) WHERE NOT (pk = 1 AND type = 'INTEGER')`, table)
}

func (f *filler) names(ctx context.Context, query string, args ...any) (names []string, err error) {
	rows, err := f.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// add adds the transactions of a range of numbers, in one commit.
func (f *filler) add(ctx context.Context, first, last int) error {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, s := range f.adds {
		args := []any{first, last}
		for range s.events {
			args = append(args, f.event)
		}
		if _, err := tx.ExecContext(ctx, s.query, args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
