package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"

	"verdict/persistence/folder"
)

// A Copy is what a backup or a restored file holds.
type Copy struct {
	Path         string
	Bytes        int64
	Transactions int64
	Pending      int64     // of those, without a verdict
	Evidence     int64     // pieces
	Parked       int64     // webhooks whose transaction isn't known
	LastEvent    int64     // the greatest EventID given
	At           time.Time // of which the copy is; zero if it doesn't say
}

const (
	// stepPages is how many pages are copied at a time, 4 MiB, before it is asked whether to go on.
	stepPages = 1024

	// countCopy makes sure that source and copy are the same, as far as counting tells.
	countCopy = `SELECT (SELECT count(*) FROM transactions), (SELECT count(*) FROM transactions WHERE stage <> 'settled'),
		(SELECT count(*) FROM evidence), (SELECT count(*) FROM parked), (SELECT event FROM meta)`
)

// Backup copies the store in the file at from into a new file at to, also while gateways work on it: it is the record of the
// moment at which the copying begins, and nobody who reads or writes waits for it. The log can't start anew meanwhile, and
// grows by what is written.
//
// The copy was checked, is on disk, and is for this user alone. Until Restore has made it fit for use no Verdict opens it,
// of whichever release. It refuses to replace a file unless told to.
func Backup(ctx context.Context, from, to string, replace bool) (c Copy, err error) {
	if _, err := os.Lstat(to); err == nil && !replace {
		return Copy{}, fmt.Errorf("back up: %s is there already; give another name, or --force to replace it", to)
	}
	if err := check(ctx, from); err != nil {
		return Copy{}, fmt.Errorf("back up %s: %w", from, err)
	}
	now := time.Now()
	err = build(to, func(path string) error {
		c, err = copyStore(ctx, from, path, func(conn *sql.Conn) error { return putSeal(ctx, conn, now) })
		return err
	})
	if err != nil {
		return Copy{}, fmt.Errorf("back up %s to %s: %w", from, to, err)
	}
	c.Path, c.At = to, now
	return c, nil
}

// build has make make a file, and gives it its name only when it is whole and on disk.
func build(to string, make func(path string) error) (err error) {
	in := filepath.Dir(to)
	if err := createFolder(in); err != nil {
		return err
	}
	f, err := os.CreateTemp(in, "."+filepath.Base(to)+".*.part") // with mode 0600
	if err != nil {
		return cannotWrite(err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			for _, end := range []string{"", "-wal", "-shm", "-journal"} {
				_ = os.Remove(f.Name() + end) // what isn't there needn't be removed
			}
		}
	}()
	if err := make(f.Name()); err != nil {
		return err
	}
	if _, err := os.Lstat(f.Name() + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		return errors.New("its log is still open") // and would be left behind
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), to); err != nil {
		return err
	}
	return folder.Sync(in)
}

// copyStore copies a store into an empty file, has finish change the copy, and checks it. Nothing of it is synced.
func copyStore(ctx context.Context, from, to string, finish func(*sql.Conn) error) (c Copy, err error) {
	source, closeSource, err := openFile(ctx, from, "_query_only=true")
	if err != nil {
		return Copy{}, err
	}
	defer func() { err = errors.Join(err, closeSource()) }()
	target, closeTarget, err := openFile(ctx, to, "_journal_mode=OFF&_synchronous=OFF")
	if err != nil {
		return Copy{}, err
	}
	defer func() { err = errors.Join(err, closeTarget()) }()

	if _, err := source.ExecContext(ctx, "BEGIN"); err != nil {
		return Copy{}, err
	}
	want, err := countRows(ctx, source) // which begins the read: every step after it sees the same
	if err != nil {
		return Copy{}, err
	}
	if err := copyPages(ctx, target, source); err != nil {
		return Copy{}, err
	}
	if _, err := target.ExecContext(ctx, "PRAGMA journal_mode = DELETE"); err != nil { // one file, without a log beside it
		return Copy{}, err
	}
	got, err := countRows(ctx, target)
	if err == nil && got != want {
		err = fmt.Errorf("the copy differs from what was copied: %+v instead of %+v", got, want)
	}
	if err != nil {
		return Copy{}, err
	}
	if err := finish(target); err != nil {
		return Copy{}, err
	}
	if err := intact(ctx, target); err != nil {
		return Copy{}, err
	}
	err = target.QueryRowContext(ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&got.Bytes)
	return got, err
}

// openFile opens a file on one connection.
func openFile(ctx context.Context, path, options string) (conn *sql.Conn, closeAll func() error, err error) {
	pool, err := sql.Open("sqlite3", dsn(path, options))
	if err != nil {
		return nil, nil, err
	}
	conn, err = connect(ctx, pool)
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return conn, func() error { return errors.Join(conn.Close(), pool.Close()) }, nil
}

// copyPages copies all pages. The source's connection is in the middle of a read: so a change of another process doesn't
// have it begin anew (https://sqlite.org/c3ref/backup_finish.html).
func copyPages(ctx context.Context, target, source *sql.Conn) error {
	return target.Raw(func(to any) error {
		return source.Raw(func(from any) error {
			b, err := to.(*sqlite3.SQLiteConn).Backup("main", from.(*sqlite3.SQLiteConn), "main")
			if err != nil {
				return err
			}
			for done := false; !done && err == nil; {
				if err = ctx.Err(); err == nil {
					done, err = b.Step(stepPages)
				}
			}
			return errors.Join(err, b.Finish())
		})
	})
}

func countRows(ctx context.Context, conn *sql.Conn) (c Copy, err error) {
	err = conn.QueryRowContext(ctx, countCopy).Scan(&c.Transactions, &c.Pending, &c.Evidence, &c.Parked, &c.LastEvent)
	return c, mend(err)
}

// intact has SQLite look through the whole file.
func intact(ctx context.Context, conn *sql.Conn) error {
	var found string
	if err := conn.QueryRowContext(ctx, "PRAGMA integrity_check(3)").Scan(&found); err != nil {
		return mend(err)
	}
	if found != "ok" {
		return fmt.Errorf("the file is damaged: %s; restore an older copy", strings.ReplaceAll(found, "\n", "; "))
	}
	return nil
}
