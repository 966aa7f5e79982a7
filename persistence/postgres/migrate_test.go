package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/relational"
	"verdict/persistence/storetest"
)

func released(t *testing.T) []relational.Migration {
	t.Helper()
	all, err := relational.Migrations(migrations)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestMigrationsOnlyExpand: a default that isn't a constant, or a generated column, would write every row anew
// (https://www.postgresql.org/docs/current/sql-altertable.html). An index on a table that may be large can be made
// beforehand, without stopping anybody, and is passed over then.
func TestMigrationsOnlyExpand(t *testing.T) {
	storetest.Migrations(t, released(t), storetest.Dialect{
		Column: regexp.MustCompile(`^(bigint|integer|boolean|text|bytea)(( NOT NULL)? DEFAULT (\d+|true|false|'[^']*'))?$`),
		Index:  "CREATE INDEX IF NOT EXISTS ",
	})
}

// later upgrades a database as a release to come does.
func later(t *testing.T, url string, oldest int, statements string) error {
	t.Helper()
	return upgrade(t, url, oldest, statements, migrateTo)
}

func upgrade(t *testing.T, url string, oldest int, statements string, by func(context.Context, *pgx.Conn, []relational.Migration) error) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	all := released(t)
	var at relational.Schema
	if err := conn.QueryRow(t.Context(), schema).Scan(&at.Version, &at.Oldest); err != nil {
		t.Fatal(err)
	}
	for len(all) <= at.Version {
		all = append(all, relational.Migration{Name: "a later one", Version: len(all) + 1, Oldest: oldest, SQL: statements})
	}
	return by(t.Context(), conn, all)
}

func TestABinaryStartsAgainOnASchemaThatStillTakesIt(t *testing.T) {
	url, knows := newURL(t), len(released(t))
	s := openAt(t, url)
	create(t, s, "before")
	if err := later(t, url, knows, "ALTER TABLE meta ADD COLUMN more bigint NOT NULL DEFAULT 7; CREATE TABLE another (id bigint)"); err != nil {
		t.Fatal(err)
	}
	create(t, s, "after")
	again := openAt(t, url)
	stands(t, again, "before", true)
	create(t, again, "and again")
	more, err := first(read(t.Context(), again, value[int], "SELECT more FROM meta"))
	same(t, "what the later one keeps", more, err, 7)

	if err := later(t, url, knows+2, "ALTER TABLE meta DROP COLUMN more"); err != nil {
		t.Fatal(err)
	}
	_, err = open(t.Context(), url, anyServer)
	want := fmt.Sprintf("its schema is version %d, which takes a verdict that knows version %[1]d or later, and this one knows %d; upgrade verdict",
		knows+2, knows)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	stands(t, again, "and again", true) // it is left as it is
}

func TestADatabaseOfBeforeTheColumnOldestIsOpened(t *testing.T) {
	url := newURL(t)
	create(t, openAt(t, url), "one")
	run(t, url, "ALTER TABLE schema_version DROP COLUMN oldest")
	stands(t, openAt(t, url), "one", true)
	if err := later(t, url, 1, "CREATE TABLE another (id bigint)"); err != nil {
		t.Fatal(err)
	}
	stands(t, openAt(t, url), "one", true)
}

// TestOthersWorkOnWhileAMigrationWaits: a backup reads a table for as long as it likes, a migration has to wait for it, and
// whoever comes after the migration would have to wait for both.
func TestOthersWorkOnWhileAMigrationWaits(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	backup, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer backup.Close(context.Background())
	reading, err := backup.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reading.Exec(t.Context(), "LOCK TABLE transactions IN ACCESS SHARE MODE"); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() { migrated <- later(t, url, 1, "ALTER TABLE transactions ADD COLUMN more bigint") }()
	waitFor(t, "a migration that waits for the backup", func() bool {
		waits, err := first(read(t.Context(), s, value[bool], `SELECT EXISTS (SELECT FROM pg_locks
			WHERE relation = 'transactions'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted)`))
		return err == nil && waits
	})
	create(t, s, "meanwhile") // would be refused after the lock_timeout of 5 s
	if err := reading.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Error(err)
	}
	create(t, s, "after")
}

// TestAMigrationUnderLoadGetsItsTurn: it changes the tables in the order in which commits don't take them. Each try counts:
// those that are held up hold others up.
func TestAMigrationUnderLoadGetsItsTurn(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	ctx, stop := context.WithCancel(t.Context())
	var settled atomic.Int64
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for ctx.Err() == nil {
				settle(t, s, create(t, s, fmt.Sprint("load ", settled.Add(1))))
			}
		})
	}
	const tries = 10
	heldUp := 0
	for range tries {
		before := settled.Load()
		waitFor(t, "load", func() bool { return settled.Load() > before+100 })
		err := upgrade(t, url, 1, `ALTER TABLE outbox ADD COLUMN more bigint; ALTER TABLE outbox DROP COLUMN more;
			ALTER TABLE evidence ADD COLUMN more bigint; ALTER TABLE evidence DROP COLUMN more;
			ALTER TABLE transactions ADD COLUMN more bigint; ALTER TABLE transactions DROP COLUMN more;
			ALTER TABLE meta ADD COLUMN more bigint; ALTER TABLE meta DROP COLUMN more`,
			func(ctx context.Context, conn *pgx.Conn, all []relational.Migration) error {
				_, err := step(ctx, conn, all)
				return err
			})
		switch {
		case isHeldUp(err):
			heldUp++
		case err != nil:
			t.Error(err)
		}
	}
	stop()
	callers.Wait()
	if heldUp > tries/3 {
		t.Errorf("%d of %d tries were held up by the others", heldUp, tries)
	}
}

func TestAMigrationThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	s := openAt(t, url)
	err := later(t, url, 1, "SELECT pg_sleep(60)")
	if err == nil || !strings.Contains(err.Error(), "make its indexes beforehand, by CREATE INDEX CONCURRENTLY IF NOT EXISTS") {
		t.Errorf("error %v", err)
	}
	create(t, s, "after")
}
