package sqlite

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

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

func TestMigrationsOnlyExpand(t *testing.T) {
	storetest.Migrations(t, released(t), storetest.Dialect{
		Column: regexp.MustCompile(`^(INTEGER|TEXT|BLOB)( NOT NULL DEFAULT (\d+|'[^']*')| DEFAULT (\d+|'[^']*'))?$`),
		Index:  "CREATE INDEX ",
	})
}

// later upgrades a file as a release to come does, and returns the version that it has then.
func later(t *testing.T, s *Store, oldest int, sql string) int {
	t.Helper()
	all := released(t)
	var at relational.Schema
	if err := s.conn.QueryRowContext(t.Context(), schema).Scan(&at.Version, &at.Oldest); err != nil {
		t.Fatal(err)
	}
	for len(all) <= at.Version {
		m := relational.Migration{Name: "a later one", Version: len(all) + 1, Oldest: oldest, SQL: sql}
		all = append(all, m)
	}
	if err := migrateTo(t.Context(), s.conn, all); err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestABinaryStartsAgainOnASchemaThatStillTakesIt(t *testing.T) {
	path, knows := newPath(t), len(released(t))
	s := openAt(t, path)
	create(t, s, "before")
	later(t, s, knows, "ALTER TABLE meta ADD COLUMN more INTEGER NOT NULL DEFAULT 7; CREATE TABLE another (id INTEGER PRIMARY KEY) STRICT")
	create(t, s, "after")
	again := openAt(t, path)
	stands(t, again, "before", true)
	create(t, again, "and again")
	more, err := first(read(t.Context(), again, value[int], "SELECT more FROM meta"))
	same(t, "what the later one keeps", more, err, 7)

	later(t, s, knows+2, "ALTER TABLE meta DROP COLUMN more")
	_, err = Open(t.Context(), path)
	want := fmt.Sprintf("its schema is version %d, which takes a verdict that knows version %[1]d or later, and this one knows %d; upgrade verdict",
		knows+2, knows)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v", err)
	}
	stands(t, again, "and again", true) // it is left as it is
}

func TestAFileOfBeforeTheTableOfVersionsIsOpened(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	create(t, s, "one")
	alter(t, path, "DROP TABLE schema_version")
	stands(t, openAt(t, path), "one", true)
}

func TestAMigrationThatFailsSaysTheMendAndLeavesTheFile(t *testing.T) {
	s := openAt(t, newPath(t))
	create(t, s, "before")
	all := released(t)
	for _, c := range []struct {
		pages     int // that the file may have
		sql, want string
	}{
		{1, "CREATE TABLE large (filling BLOB) STRICT; INSERT INTO large VALUES (zeroblob(1000000))",
			"database or disk is full; see to the disk of the file, or set SQLITE_TMPDIR to a folder with room for temporary files"},
		{1_000_000, "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT; INSERT OR ROLLBACK INTO one VALUES (1), (1)", // nothing is left to roll back
			"UNIQUE constraint failed: one.id; give the path of a file that Verdict made, or of none"},
	} {
		if _, err := s.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", c.pages)); err != nil {
			t.Fatal(err)
		}
		next := relational.Migration{Name: "a later one", Version: len(all) + 1, Oldest: 1, SQL: c.sql}
		err := migrateTo(t.Context(), s.conn, append(all, next))
		if want := "a later one: " + c.want; err == nil || err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
	create(t, s, "after")
	stands(t, s, "before", true)
}

func TestAMigrationSaysTheMendOfWhatStoppedIt(t *testing.T) {
	for code, want := range map[sqlite3.ErrNoExtended]string{
		sqlite3.ErrIoErrGetTempPath:                "set SQLITE_TMPDIR to a folder",
		sqlite3.ErrNoExtended(sqlite3.ErrCantOpen): "set SQLITE_TMPDIR to a folder",
		sqlite3.ErrIoErrWrite:                      "see to the disk of the file",
		sqlite3.ErrConstraintUnique:                "a file that Verdict made",
		sqlite3.ErrNoExtended(sqlite3.ErrCorrupt):  "restore the file from a backup",
		sqlite3.ErrNoExtended(sqlite3.ErrReadonly): "a file that this user may write",
		sqlite3.ErrNoExtended(sqlite3.ErrBusy):     "end the process",
	} {
		stopped := sqlite3.Error{Code: sqlite3.ErrNo(code & 0xff), ExtendedCode: code}
		if err := mendStep(fmt.Errorf("a migration: %w", stopped)); !strings.Contains(err.Error(), want) || strings.Count(err.Error(), ";") != 1 {
			t.Errorf("error %q doesn't say %q alone", err, want)
		}
	}
}
