package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"fmt"

	"github.com/mattn/go-sqlite3"

	"verdict/persistence/relational"
)

// migrations take the schema from one version to the next, see relational.Migration. Another process may be at work on the
// file meanwhile: its commits wait for a migration, up to busyTimeout, and then are refused. To add a column takes no time;
// an index on all transactions takes some seconds for each million of them.
//
//go:embed migrations/*.sql
var migrations embed.FS

// The version of a file is its user_version, 0 when it is new. The table says which binaries may use each version: it is not
// part of a migration, so that those of before it still open the file.
const (
	makeVersions = `CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, oldest INTEGER NOT NULL) STRICT`
	keepVersion  = `INSERT INTO schema_version (version, oldest) VALUES (?, ?)`
	schema       = `SELECT user_version, coalesce((SELECT oldest FROM schema_version WHERE version = user_version), user_version)
		FROM pragma_user_version`
)

// migrate brings the schema up to date.
func migrate(ctx context.Context, conn *sql.Conn) error {
	known, err := relational.Migrations(migrations)
	if err != nil {
		return err
	}
	if err := migrateTo(ctx, conn, known); err != nil {
		return err
	}
	return makeMeta(ctx, conn)
}

func migrateTo(ctx context.Context, conn *sql.Conn, known []relational.Migration) error {
	for {
		done, err := step(ctx, conn, known)
		if err != nil || done {
			return err
		}
	}
}

// step applies the next migration, and reports whether there was none. It reads the version under the write lock, as
// another process may be about to do the same.
func step(ctx context.Context, conn *sql.Conn, known []relational.Migration) (done bool, err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return false, mend(err)
	}
	defer func() {
		if err != nil {
			_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // SQLite may have done so by itself
			err = mendStep(err)
		}
	}()
	if _, err := conn.ExecContext(ctx, makeVersions); err != nil {
		return false, err
	}
	var at relational.Schema
	if err := conn.QueryRowContext(ctx, schema).Scan(&at.Version, &at.Oldest); err != nil {
		return false, err
	}
	if err := at.Admit(len(known)); err != nil {
		return false, err
	}
	if done = at.Version >= len(known); !done {
		if err := apply(ctx, conn, known[at.Version]); err != nil {
			return false, err
		}
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return done, err
}

func apply(ctx context.Context, conn *sql.Conn, m relational.Migration) error {
	if _, err := conn.ExecContext(ctx, m.SQL); err != nil {
		return fmt.Errorf("%s: %w", m.Name, err)
	}
	if _, err := conn.ExecContext(ctx, keepVersion, m.Version, m.Oldest); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", m.Version))
	return err
}

// mendStep adds to an error of a migration what to do about it. The file and its log are open by then, so what can't be opened
// is a temporary file. Of other errors SQLite doesn't say in which file they were.
func mendStep(err error) error {
	switch {
	case isCode(err, sqlite3.ErrCantOpen), isExtended(err, sqlite3.ErrIoErrGetTempPath):
		return fmt.Errorf("%w; set SQLITE_TMPDIR to a folder for temporary files, with room, that this user may write to", err)
	case isCode(err, sqlite3.ErrFull), isCode(err, sqlite3.ErrIoErr):
		return fmt.Errorf("%w; see to the disk of the file, or set SQLITE_TMPDIR to a folder with room for temporary files", err)
	case isCode(err, sqlite3.ErrError), isCode(err, sqlite3.ErrConstraint):
		return fmt.Errorf("%w; give the path of a file that Verdict made, or of none", err)
	}
	return mend(err)
}

// makeMeta makes the store's secret, once. A store that was moved elsewhere refuses it, and so Open, see transfer_mark.go.
func makeMeta(ctx context.Context, conn *sql.Conn) error {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	_, err := conn.ExecContext(ctx, "INSERT INTO meta (id, event, secret) VALUES (1, 0, ?) ON CONFLICT DO NOTHING", secret)
	return err
}
