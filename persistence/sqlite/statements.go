package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// statements prepares each query once and keeps it until its connections are closed. It keeps as many as there are
// queries in this package.
//
// A plan that may depend on a value isn't kept: SQLite makes it anew whenever the driver clears the values, which is after each use,
// and that can take longer than the query. The + of a limit of +?, and of an equality with +? in what is ordered or joined,
// has SQLite plan without looking at the value (https://sqlite.org/c3ref/prepare.html, of sqlite3_prepare_v2).
type statements struct {
	on   *sql.DB
	kept sync.Map // from query to *sql.Stmt
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	if kept, ok := s.kept.Load(query); ok {
		return kept.(*sql.Stmt), nil
	}
	stmt, err := s.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	kept, raced := s.kept.LoadOrStore(query, stmt)
	if raced {
		err = stmt.Close()
	}
	return kept.(*sql.Stmt), err
}

// query implements source.
func (s *statements) query(ctx context.Context, query string, args []any) (rows, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// A source runs queries: statements or a direct.
type source interface {
	query(ctx context.Context, query string, args []any) (rows, error)
}

// rows are what a query found: *sql.Rows or directRows.
type rows interface {
	row
	Next() bool
	Err() error
	Close() error
}

// A row is what a scan reads.
type row interface{ Scan(dest ...any) error }

// list runs a query and returns what scan makes of each row.
func list[T any](ctx context.Context, s source, scan func(row) (T, error), query string, args ...any) (found []T, err error) {
	rows, err := s.query(ctx, query, args)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		row, err := scan(rows)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}

// first returns the first of the rows that list found, or sql.ErrNoRows.
func first[T any](found []T, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if len(found) == 0 {
		return none, sql.ErrNoRows
	}
	return found[0], nil
}

// orZero returns the first of the rows that list found, or the zero value if there are none.
func orZero[T any](found []T, err error) (v T, _ error) {
	if err == nil && len(found) > 0 {
		v = found[0]
	}
	return v, err
}

// read runs a query on what is committed.
func read[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	if err := s.queue.Enter(); err != nil {
		return nil, err
	}
	defer s.queue.Leave()
	return list(ctx, s.reads, scan, query, args...)
}

// value scans a row of one column.
func value[T any](rows row) (v T, err error) {
	err = rows.Scan(&v)
	return v, err
}
