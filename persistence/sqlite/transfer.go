package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"verdict/persistence/transfer"
)

// A Source is a store that is being moved. From Hold to Close it has the file's write lock: a gateway that runs on the
// file can read, and refuses what it would have to store.
type Source struct {
	path string
	pool *sql.DB
	conn *sql.Conn
	left string // where it was moved to, if it was
}

var _ transfer.Source = (*Source)(nil)

// OpenSource opens the file at path to move the store in it. It changes nothing, and refuses a file that isn't a store.
func OpenSource(ctx context.Context, path string) (*Source, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	if err := check(ctx, path); err != nil {
		return nil, fmt.Errorf("open the source %s: %w", path, err)
	}
	return &Source{path: path}, nil
}

// Hold brings the schema up to date, takes the write lock until Close, and says what is moved. A store that was moved
// already is held too, so that a move that ended between its last two steps can be finished.
func (s *Source) Hold(ctx context.Context) (transfer.Origin, error) {
	if err := s.hold(ctx); err != nil {
		return transfer.Origin{}, fmt.Errorf("hold the source %s: %w", s.path, err)
	}
	return s.origin(ctx)
}

func (s *Source) hold(ctx context.Context) (err error) {
	if s.pool, err = sql.Open("sqlite3", dsn(s.path, "_journal_mode=WAL&_synchronous=FULL")); err != nil {
		return err
	}
	if s.conn, err = connect(ctx, s.pool); err != nil {
		return err
	}
	if s.left, err = leftFor(ctx, s.conn); err != nil {
		return mend(err)
	}
	if s.left == "" {
		if err := upgrade(ctx, s.path); err != nil {
			return err
		}
	}
	if _, err := s.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return mend(err)
	}
	if s.left, err = leftFor(ctx, s.conn); err != nil { // now that nobody else can move it
		return err
	}
	return sameVersion(ctx, s.conn)
}

// upgrade brings the schema up to date.
func upgrade(ctx context.Context, path string) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	return s.Close()
}

// sameVersion makes sure that we know all that is in the file: what a newer release has added would be left behind.
func sameVersion(ctx context.Context, conn *sql.Conn) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	var version int
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version != len(names) {
		return fmt.Errorf("its schema is version %d and this verdict moves %d; use the verdict that runs on it", version, len(names))
	}
	return nil
}

// Close gives the write lock back and closes the file. What was not marked as moved is as it was.
func (s *Source) Close() error {
	var errs []error
	if s.conn != nil {
		_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK") // there may be nothing to roll back
		errs = append(errs, s.conn.Close())
	}
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	return errors.Join(errs...)
}

func (s *Source) origin(ctx context.Context) (transfer.Origin, error) {
	var made []byte
	if err := s.conn.QueryRowContext(ctx, secret).Scan(&made); err != nil {
		return transfer.Origin{}, fmt.Errorf("read the secret: %w", err)
	}
	return transfer.Origin{Name: "sqlite:" + s.path, Identity: sha256.Sum256(made), Left: s.left}, nil
}

// Count implements transfer.Reader.
func (s *Source) Count(ctx context.Context, t transfer.Table) (rows int64, err error) {
	err = s.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+t.Name).Scan(&rows)
	return rows, err
}

// Rows implements transfer.Reader.
func (s *Source) Rows(ctx context.Context, t transfer.Table, in transfer.Range) iter.Seq2[transfer.Row, error] {
	return func(yield func(transfer.Row, error) bool) {
		query, args := selectRange(t, in)
		rows, err := s.conn.QueryContext(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			row, err := scanRow(rows, t)
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, err)
		}
	}
}

func selectRange(t transfer.Table, in transfer.Range) (query string, args []any) {
	names := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		names[i] = column.Name
	}
	var bounds []string
	for _, bound := range []struct {
		operator string
		key      any
	}{{" > ?", in.After}, {" <= ?", in.Until}} {
		if bound.key != nil {
			bounds = append(bounds, t.Key().Name+bound.operator)
			args = append(args, asKey(bound.key))
		}
	}
	query = "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name
	if len(bounds) > 0 {
		query += " WHERE " + strings.Join(bounds, " AND ")
	}
	return query + " ORDER BY " + t.Key().Name, args
}

// asKey is a key as it is compared with a column: SQLite holds any blob to be greater than any text.
func asKey(key any) any {
	if word, ok := key.([]byte); ok {
		return string(word)
	}
	return key
}

func scanRow(rows *sql.Rows, t transfer.Table) (transfer.Row, error) {
	row := make(transfer.Row, len(t.Columns))
	into := make([]any, len(row))
	for i := range row {
		into[i] = &row[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	for i, value := range row {
		if text, ok := value.(string); ok {
			row[i] = []byte(text)
		}
	}
	return row, nil
}
