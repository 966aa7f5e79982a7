package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
)

// migrations take the schema from one version to the next: 0001 makes version 1. What has been released never changes,
// and leaves the binary before it working, because in a rolling upgrade that one still uses the database.
//
//go:embed migrations/*.sql
var migrations embed.FS

const (
	// schemaLock is held while a schema changes. It ends with its transaction. Its number is of this program: "verdict".
	schemaLock = `SELECT pg_advisory_xact_lock(x'76657264696374'::bigint)`

	makeVersion = `CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)`
	version     = `SELECT coalesce(max(version), 0) FROM schema_version`
	keepVersion = `INSERT INTO schema_version (version) VALUES ($1)`
	makeMeta    = `INSERT INTO meta (id, event, secret) VALUES (1, 0, $1) ON CONFLICT DO NOTHING`
)

// migrate brings the schema up to date.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	names, err := fs.Glob(migrations, "migrations/*.sql") // in the order of their numbers
	if err != nil {
		return err
	}
	chosen := conn.Config().RuntimeParams["search_path"]
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return makeSchema(ctx, tx, chosen) }); err != nil {
		return err
	}
	for {
		version, err := step(ctx, conn, names)
		if err != nil {
			return err
		}
		if version == len(names) {
			return nil
		}
	}
}

// step applies the next migration, if there is one, and returns the version that the schema then has. It reads the version
// under the lock, as another process may be about to do the same.
func step(ctx context.Context, conn *pgx.Conn, names []string) (at int, err error) {
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schemaLock); err != nil {
			return err
		}
		if at, err = versionOf(ctx, tx); err != nil {
			return err
		}
		if at > len(names) {
			return fmt.Errorf("its schema is version %d and this verdict knows %d; upgrade verdict", at, len(names))
		}
		if at == len(names) {
			return nil
		}
		at++
		return apply(ctx, tx, names[at-1], at)
	})
	return at, err
}

// versionOf returns the version that the schema has. Nothing is made where there is one, which takes fewer rights.
func versionOf(ctx context.Context, tx pgx.Tx) (at int, err error) {
	var made bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`).Scan(&made); err != nil {
		return 0, err
	}
	if !made {
		_, err := tx.Exec(ctx, makeVersion)
		return 0, err
	}
	err = tx.QueryRow(ctx, version).Scan(&at)
	return at, err
}

// makeSchema makes the schema that the URL chose if it isn't there. A pooler may drop what the URL chose, and then the
// tables would be made elsewhere. It is a transaction of its own: the next one finds what another process has just made.
func makeSchema(ctx context.Context, tx pgx.Tx, chosen string) error {
	current, err := currentSchema(ctx, tx)
	if err == nil && current == "" && chosen != "" {
		if _, err := tx.Exec(ctx, schemaLock); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+chosen)
		return err
	}
	switch {
	case err != nil:
		return err
	case current == "":
		return errors.New("no schema of the search_path is there; give search_path=NAME in the URL")
	case chosen != "" && current != chosen:
		return fmt.Errorf("the schema is %s and not %s as in the URL, which a pooler may leave out; ALTER ROLE %s SET search_path = %s",
			current, chosen, pgx.Identifier{tx.Conn().Config().User}.Sanitize(), chosen)
	}
	return nil
}

func currentSchema(ctx context.Context, tx pgx.Tx) (name string, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(current_schema(), '')`).Scan(&name)
	return name, err
}

// apply applies a migration. The first also makes the store's secret.
func apply(ctx context.Context, tx pgx.Tx, name string, version int) error {
	text, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, string(text), pgx.QueryExecModeSimpleProtocol); err != nil { // which takes several statements
		return fmt.Errorf("%s: %w; give a database or schema that Verdict made, or an empty one", name, err)
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	if _, err := tx.Exec(ctx, makeMeta, secret); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, keepVersion, version)
	return err
}
