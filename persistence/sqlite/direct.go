package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/mattn/go-sqlite3"
)

// direct is statements for the writer, which has its connection to itself. It goes past database/sql: what that does so that
// connections can be shared and calls broken off takes the processor a fifth as long as the statements themselves.
// It is used within lend alone.
type direct struct {
	whole *sql.Conn
	conn  *sqlite3.SQLiteConn            // the driver's part of it
	kept  map[string]*sqlite3.SQLiteStmt // by query
	args  []driver.NamedValue            // room for those of the statement under way
}

func newDirect(whole *sql.Conn) (*direct, error) {
	d := &direct{whole: whole, kept: map[string]*sqlite3.SQLiteStmt{}}
	err := whole.Raw(func(conn any) error {
		d.conn = conn.(*sqlite3.SQLiteConn)
		return nil
	})
	return d, err
}

// lend has use run statements. Meanwhile the connection is nobody else's.
func (d *direct) lend(use func() error) error {
	return d.whole.Raw(func(any) error { return use() })
}

// close closes the statements. They don't end with the connection, and would keep SQLite from closing the file.
func (d *direct) close() error {
	return d.lend(func() (err error) {
		for _, stmt := range d.kept {
			err = errors.Join(err, stmt.Close())
		}
		return err
	})
}

// exec runs a statement to its end and returns how many rows it changed.
func (d *direct) exec(query string, args ...any) (changed int64, err error) {
	stmt, err := d.ready(query, args)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.Background(), d.args)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// query implements source. It can't be broken off.
func (d *direct) query(_ context.Context, query string, args []any) (rows, error) {
	stmt, err := d.ready(query, args)
	if err != nil {
		return nil, err
	}
	found, err := stmt.QueryContext(context.Background(), d.args)
	if err != nil {
		return nil, err
	}
	return &directRows{found: found, columns: make([]driver.Value, len(found.Columns()))}, nil
}

// ready returns the statement of a query, and has d.args be its arguments as the driver takes them.
func (d *direct) ready(query string, args []any) (*sqlite3.SQLiteStmt, error) {
	stmt, ok := d.kept[query]
	if !ok {
		prepared, err := d.conn.Prepare(query)
		if err != nil {
			return nil, err
		}
		stmt = prepared.(*sqlite3.SQLiteStmt)
		d.kept[query] = stmt
	}
	if len(args) != stmt.NumInput() { // the driver takes one that is missing for NULL
		return nil, fmt.Errorf("expected %d arguments, got %d", stmt.NumInput(), len(args))
	}
	d.args = d.args[:0]
	for i, arg := range args {
		value, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		d.args = append(d.args, driver.NamedValue{Ordinal: i + 1, Value: value})
	}
	return stmt, nil
}

// directRows are what a query found.
type directRows struct {
	found   driver.Rows
	columns []driver.Value // of the row that Next went to
	err     error
}

func (r *directRows) Next() bool {
	r.err = r.found.Next(r.columns)
	return r.err == nil
}

func (r *directRows) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

func (r *directRows) Close() error { return r.found.Close() }

func (r *directRows) Scan(dest ...any) error {
	for i, d := range dest {
		if err := assign(d, r.columns[i]); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	return nil
}

// assign sets what dest points to. Of what sql.Rows can set it does what the columns of this package need.
func assign(dest any, column driver.Value) error {
	switch dest := dest.(type) {
	case sql.Scanner:
		return dest.Scan(column)
	case *[]byte:
		if bytes, ok := column.([]byte); ok || column == nil {
			*dest = bytes
			return nil
		}
	}
	to := reflect.ValueOf(dest).Elem()
	switch column := column.(type) {
	case int64:
		if to.CanInt() {
			to.SetInt(column)
			return nil
		}
		if to.Kind() == reflect.Bool {
			to.SetBool(column != 0)
			return nil
		}
	case string:
		if to.Kind() == reflect.String {
			to.SetString(column)
			return nil
		}
	}
	return fmt.Errorf("%T doesn't go into %T", column, dest)
}
