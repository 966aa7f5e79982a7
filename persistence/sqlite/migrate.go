package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
)

// migrations take the schema from one version to the next: 0001 makes version 1. What has been released never changes,
// and leaves the binary before it working, because in a rolling upgrade that one still uses the file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date. The version of a file is its user_version, 0 when it is new.
func migrate(ctx context.Context, conn *sql.Conn) error {
	names, err := fs.Glob(migrations, "migrations/*.sql") // in the order of their numbers
	if err != nil {
		return err
	}
	for {
		version, err := step(ctx, conn, names)
		if err != nil {
			return err
		}
		if version == len(names) {
			return makeMeta(ctx, conn)
		}
	}
}

// step applies the next migration, if there is one, and returns the version that the file then has. It reads the version
// under the write lock, as another process may be about to do the same.
func step(ctx context.Context, conn *sql.Conn, names []string) (version int, err error) {
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return 0, mend(err)
	}
	defer func() {
		if err != nil {
			_, e := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			err = errors.Join(err, e)
		}
	}()
	if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return 0, err
	}
	if version > len(names) {
		return 0, fmt.Errorf("its schema is version %d and this verdict knows %d; upgrade verdict", version, len(names))
	}
	if version < len(names) {
		if err := apply(ctx, conn, names[version], version+1); err != nil {
			return 0, err
		}
		version++
	}
	_, err = conn.ExecContext(ctx, "COMMIT")
	return version, err
}

func apply(ctx context.Context, conn *sql.Conn, name string, version int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, string(text)); err != nil {
		return fmt.Errorf("%s: %w; give the path of a file that Verdict made, or of none", name, err)
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
	return err
}

// makeMeta makes the store's secret, once.
func makeMeta(ctx context.Context, conn *sql.Conn) error {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	_, err := conn.ExecContext(ctx, "INSERT INTO meta (id, event, secret) VALUES (1, 0, ?) ON CONFLICT DO NOTHING", secret)
	return err
}
