package postgres

import (
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/relational"
)

// migrations take the schema from one version to the next, see relational.Migration.
//
//go:embed migrations/*.sql
var migrations embed.FS

const (
	// schemaLock is held while a schema changes. It ends with its transaction. Its number is of this program: "verdict".
	schemaLock = `SELECT pg_advisory_xact_lock(x'76657264696374'::bigint)`

	// migrationSettings bound for how long a migration holds others up, as they are at work meanwhile.
	//
	// Whoever wants a table that a migration waits for waits with it. So the migration is the first to give up, before the
	// server looks for deadlocks, lets the others through, and is tried again.
	//
	// A column is added in no time. An index is not: until it is made nothing can be stored in its table. What takes longer
	// than that is refused; it has to be made beforehand, by CREATE INDEX CONCURRENTLY, which can't be part of a transaction.
	migrationSettings = `SELECT set_config('lock_timeout', '500ms', true), set_config('statement_timeout', '5s', true)`

	// holdCommits has the commits of others wait at their first lock, when they hold nothing that a migration could want.
	holdCommits = `LOCK TABLE meta IN EXCLUSIVE MODE`

	// The table of versions came before the column that says which binaries may use each. It is not part of a migration, so
	// that binaries of before it still open the database.
	makeVersions = `CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL);
		ALTER TABLE schema_version ADD COLUMN IF NOT EXISTS oldest integer`
	keepVersion = `INSERT INTO schema_version (version, oldest) VALUES ($1, $2)`
	schema      = `SELECT version, coalesce((to_jsonb(v) ->> 'oldest')::integer, version) FROM schema_version v ORDER BY version DESC LIMIT 1`

	makeMeta = `INSERT INTO meta (id, event, secret) VALUES (1, 0, $1) ON CONFLICT DO NOTHING`
)

const (
	// migrationTries is how often a migration is tried that others hold up, and migrationPause the time between.
	migrationTries = 30
	migrationPause = time.Second
)

// migrate brings the schema up to date.
func migrate(ctx context.Context, conn *pgx.Conn) error {
	known, err := relational.Migrations(migrations)
	if err != nil {
		return err
	}
	return migrateTo(ctx, conn, known)
}

func migrateTo(ctx context.Context, conn *pgx.Conn, known []relational.Migration) error {
	chosen := conn.Config().RuntimeParams["search_path"]
	if err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return makeSchema(ctx, tx, chosen) }); err != nil {
		return err
	}
	for try := 1; ; {
		done, err := step(ctx, conn, known)
		switch {
		case done || err != nil && (!isHeldUp(err) || try == migrationTries):
			return err
		case err == nil:
			continue
		}
		try++
		select {
		case <-ctx.Done():
			return err
		case <-time.After(migrationPause):
		}
	}
}

// step applies the next migration, and reports whether there was none. It reads the version under the lock, as another
// process may be about to do the same.
func step(ctx context.Context, conn *pgx.Conn, known []relational.Migration) (done bool, err error) {
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schemaLock); err != nil {
			return err
		}
		at, err := schemaOf(ctx, tx)
		if err != nil {
			return err
		}
		if err := at.Admit(len(known)); err != nil {
			return err
		}
		if done = at.Version >= len(known); done {
			return nil
		}
		return apply(ctx, tx, known[at.Version])
	})
	return done, err
}

// schemaOf returns the version that the schema has, 0 if it is new. It makes nothing, which takes fewer rights.
func schemaOf(ctx context.Context, tx pgx.Tx) (at relational.Schema, err error) {
	var made bool
	if err := tx.QueryRow(ctx, `SELECT to_regclass('schema_version') IS NOT NULL`).Scan(&made); err != nil || !made {
		return at, err
	}
	err = tx.QueryRow(ctx, schema).Scan(&at.Version, &at.Oldest)
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

// apply applies a migration. With the first comes the store's secret.
func apply(ctx context.Context, tx pgx.Tx, m relational.Migration) error {
	bounds := migrationSettings
	if m.Version > 1 {
		bounds += ";" + holdCommits
	}
	for _, statements := range []string{bounds, makeVersions, m.SQL} {
		if _, err := tx.Exec(ctx, statements, pgx.QueryExecModeSimpleProtocol); err != nil { // which takes several
			return fmt.Errorf("%s: %w; %s", m.Name, err, mendOf(err))
		}
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails (crypto/rand)
	if _, err := tx.Exec(ctx, makeMeta, secret); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, keepVersion, m.Version, m.Oldest)
	return err
}

// isHeldUp reports whether a migration gave up waiting: lock_not_available, deadlock_detected.
func isHeldUp(err error) bool { return isCode(err, "55P03", "40P01") }

func mendOf(err error) string {
	switch {
	case isHeldUp(err):
		return "start again when whoever keeps its tables locked has ended, such as a backup"
	case isCode(err, "57014"): // query_canceled
		return "nothing can be stored meanwhile; make its indexes beforehand, by CREATE INDEX CONCURRENTLY IF NOT EXISTS"
	}
	return "give a database or schema that Verdict made, or an empty one"
}
