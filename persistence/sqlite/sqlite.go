// Package sqlite keeps the record in one SQLite file.
//
// All changes go through one writer, which commits those that wait together: a commit costs one fsync, however many
// changes share it. Reads have connections of their own and see committed changes only. Several processes may use the
// same file on a local disk; nothing is remembered between commits that another process could change.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"github.com/prometheus/client_golang/prometheus"

	"verdict"
	"verdict/persistence/relational"
)

// Store is a verdict.Store in one SQLite file.
type Store struct {
	folder  string
	pool    *sql.DB // of connections that can't write
	reads   *statements
	writes  *sql.DB
	conn    *sql.Conn // the writer's, and the only one of writes
	queue   *relational.Queue[*operation]
	writer  *writer
	running sync.WaitGroup // the writer
	commits *relational.Commits
}

var (
	_ verdict.Restorable = (*Store)(nil)
	_ verdict.Forgetter  = (*Store)(nil)
)

// ErrClosed is what calls after Close return.
var ErrClosed = relational.ErrClosed

const (
	// readers is how many reads run at once; more wait for their turn.
	readers = 4

	// busyTimeout is how long to wait for another process that is writing, in milliseconds.
	busyTimeout = 5000
)

// Open opens the store in the file at path. It creates the file, for the user alone, and the folders above it with mode
// 0700 if they aren't there, and brings the file's schema up to date. It refuses a file whose
// schema a newer Verdict has made unfit for this one, see relational.Migration.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{commits: relational.NewCommits(), queue: relational.NewQueue[*operation](queueSize, newSize), folder: filepath.Dir(path)}
	if err := s.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.closeFile())
	}
	s.running.Go(s.writer.run)
	return s, nil
}

func (s *Store) open(ctx context.Context, path string) (err error) {
	if err := createFile(path); err != nil {
		return err
	}
	if s.writes, err = sql.Open("sqlite3", dsn(path, "_journal_mode=WAL&_synchronous=FULL")); err != nil {
		return err
	}
	if s.conn, err = connect(ctx, s.writes); err != nil {
		return err
	}
	if err := secure(ctx, s.conn); err != nil {
		return err
	}
	if err := migrate(ctx, s.conn); err != nil {
		return err
	}
	kept, err := newDirect(s.conn)
	if err != nil {
		return err
	}
	s.writer = newWriter(kept, s.queue.Waiting(), s.commits)
	if s.pool, err = sql.Open("sqlite3", dsn(path, "_query_only=true&_synchronous=FULL")); err != nil {
		return err
	}
	s.pool.SetMaxOpenConns(readers)
	s.pool.SetMaxIdleConns(readers)
	s.reads = &statements{on: s.pool}
	return s.pool.PingContext(ctx)
}

// dsn names the file at path, which may be relative, whatever characters are in it. What follows "file://" is a host
// (https://sqlite.org/uri.html), so a path may not begin there.
func dsn(path, options string) string {
	escaped := (&url.URL{Path: filepath.Clean(path)}).EscapedPath()
	u := url.URL{Scheme: "file", Opaque: escaped, RawQuery: fmt.Sprintf("_busy_timeout=%d&%s", busyTimeout, options)}
	return u.String()
}

// Close waits for the calls under way, commits what is queued, and closes the file.
func (s *Store) Close() error {
	if !s.queue.Close() {
		return nil
	}
	s.running.Wait()
	return s.closeFile()
}

// closeFile closes what open has opened. The writer's connection is the last, and moves the log into the database.
func (s *Store) closeFile() error {
	var errs []error
	if s.pool != nil {
		errs = append(errs, s.pool.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.kept.close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.writes != nil {
		errs = append(errs, s.writes.Close())
	}
	return errors.Join(errs...)
}

// Stats returns how many commits there were since Open, and how many operations they carried out together.
func (s *Store) Stats() (commits, operations int64) { return s.commits.Stats() }

// Metrics returns the collectors of what the store counts.
func (s *Store) Metrics() []prometheus.Collector { return s.commits.Metrics() }

// Folder returns the folder that the file is in, and grows in.
func (s *Store) Folder() string { return s.folder }
