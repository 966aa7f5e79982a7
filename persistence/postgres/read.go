package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// readSettings bound a read. They end with its transaction, which is that one read.
const readSettings = `SELECT set_config('statement_timeout', '30s', true), set_config('jit', 'off', true)`

// read runs a query on what is committed, and returns what scan makes of each row. If it finds its connection broken, as
// all are after a restart of the server, it tries again with a new one.
func read[T any](ctx context.Context, s *Store, scan func(pgx.CollectableRow) (T, error), query string, args ...any) (found []T, err error) {
	if err := s.queue.Enter(); err != nil {
		return nil, err
	}
	defer s.queue.Leave()
	for range attempts {
		var broken bool
		found, broken, err = readOnce(ctx, s, scan, query, args)
		if !broken || ctx.Err() != nil {
			break
		}
		s.pool.Reset()
	}
	return found, err
}

func readOnce[T any](ctx context.Context, s *Store, scan func(pgx.CollectableRow) (T, error), query string, args []any) (found []T, broken bool, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, false, err
	}
	defer conn.Release()
	b := &pgx.Batch{}
	b.Queue(readSettings)
	b.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		found, err = list(rows, scan)
		return err
	})
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		return nil, conn.Conn().IsClosed(), err
	}
	return found, false, nil
}

// list returns what scan makes of each row; nil if there are none.
func list[T any](rows pgx.Rows, scan func(pgx.CollectableRow) (T, error)) ([]T, error) {
	return pgx.AppendRows([]T(nil), rows, scan)
}

// first returns the first of the rows that read found, or pgx.ErrNoRows.
func first[T any](found []T, err error) (v T, _ error) {
	if err == nil && len(found) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return v, err
	}
	return found[0], nil
}

// orZero returns the first of the rows that read found, or the zero value if there are none.
func orZero[T any](found []T, err error) (v T, _ error) {
	if err == nil && len(found) > 0 {
		v = found[0]
	}
	return v, err
}

// value scans a row of one column.
func value[T any](row pgx.CollectableRow) (v T, err error) {
	err = row.Scan(&v)
	return v, err
}

// column returns what of makes of each row, for one array of a statement that takes many rows.
func column[T, V any](rows []T, of func(T) V) []V {
	values := make([]V, len(rows))
	for i, row := range rows {
		values[i] = of(row)
	}
	return values
}
