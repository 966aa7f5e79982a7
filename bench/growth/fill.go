package growth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
)

// batch is how many transactions are filled in by one commit.
const batch = 100_000

// newID is an id like Verdict's (RFC 9562, version 7) of the n-th transaction that is filled in: of the year 2024, ten of each
// millisecond, so that they come in order, and before all that are made later.
const newID = `printf('%08x-%04x-7%03x-8000-%012x', (1704067200000 + n / 10) >> 16, (1704067200000 + n / 10) & 65535, n & 4095, n)`

// own are the columns that fill knows.
var own = []string{"id", "key", "event_id", "settled_at", "key_held"}

// value is what a column holds in the n-th transaction, which is like the one in row t. Event ids follow those that were given.
// The first are old: settled long ago, their keys forgotten.
func (f *filler) value(column string) string {
	switch column {
	case "id", "transaction_id":
		return newID
	case "key":
		return `'fill-' || n`
	case "event_id":
		return fmt.Sprintf("%d + n", f.event)
	case "settled_at":
		return fmt.Sprintf("t.settled_at - iif(n <= %d, %d, 0)", f.old, longAgo)
	case "key_held":
		return fmt.Sprintf("n > %d", f.old)
	default:
		return "t." + column
	}
}

// longAgo is longer than what retention keeps.
const longAgo = retained + 24*time.Hour

// fill adds so many transactions to a record, each like one of those that it has, by SQL: their rows, and those of other tables
// that belong to them. The first, and those that it has, are old enough for retention to take away. It knows of the schema what
// value says, and copies the rest. Nobody else may have the file open.
func fill(ctx context.Context, file string, count, old int, progress func(done int)) (err error) {
	db, err := openRecord(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f := filler{db: db, old: old}
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
	_, err = db.ExecContext(ctx, fmt.Sprintf(`
		UPDATE transactions SET settled_at = settled_at - %d, key_held = 0 WHERE id IN (SELECT template_id FROM template);
		UPDATE meta SET event = event + %d, released = event + %d;
		PRAGMA wal_checkpoint(TRUNCATE)`, longAgo, count, old))
	return err
}

type filler struct {
	db    *sql.DB
	event int64    // the last id given before
	old   int      // how many are old
	slots int      // how many transactions there are to be like
	adds  []string // a statement for each table, which adds the rows of transactions from a number to another
}

func openRecord(file string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", "file:"+file+"?_synchronous=OFF&_busy_timeout=10000")
	if err == nil {
		db.SetMaxOpenConns(1) // temporary tables are of the connection
	}
	return db, err
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
		add, err := f.statement(ctx, table)
		if err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
		f.adds = append(f.adds, add)
	}
	return nil
}

// tables are transactions, and those with rows that belong to one.
func (f *filler) tables(ctx context.Context) ([]string, error) {
	return f.names(ctx, `SELECT 'transactions' UNION ALL
		SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'transaction_id'`)
}

func (f *filler) statement(ctx context.Context, table string) (string, error) {
	columns, err := f.columns(ctx, table)
	if err != nil {
		return "", err
	}
	owner := "transaction_id"
	if table == "transactions" {
		owner = "id"
		for _, column := range own {
			if !slices.Contains(columns, column) {
				return "", fmt.Errorf("it has no %s any more; adapt bench/growth/fill.go", column)
			}
		}
	}
	values := make([]string, len(columns))
	for i, column := range columns {
		values[i] = f.value(column)
	}
	return fmt.Sprintf(`WITH RECURSIVE range(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM range WHERE n < ?)
		INSERT INTO %s (%s) SELECT %s FROM range CROSS JOIN template ON slot = n %% %d CROSS JOIN %s t ON t.%s = template_id`,
		table, strings.Join(columns, ", "), strings.Join(values, ", "), f.slots, table, owner), nil
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
	for _, add := range f.adds {
		if _, err := tx.ExecContext(ctx, add, first, last); err != nil {
			return err
		}
	}
	return tx.Commit()
}
