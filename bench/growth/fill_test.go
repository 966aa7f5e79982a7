package growth

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
)

const schema = `
	CREATE TABLE transactions (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, key TEXT NOT NULL UNIQUE,
		stage TEXT NOT NULL, event_id INTEGER NOT NULL UNIQUE, payload TEXT, settled_at INTEGER, key_held INTEGER NOT NULL DEFAULT 1) STRICT;
	CREATE TABLE evidence (number INTEGER PRIMARY KEY, transaction_id TEXT NOT NULL, raw TEXT) STRICT;
	CREATE TABLE outbox (transaction_id TEXT NOT NULL PRIMARY KEY, due INTEGER) STRICT, WITHOUT ROWID;
	CREATE TABLE meta (id INTEGER PRIMARY KEY, event INTEGER NOT NULL, released INTEGER NOT NULL) STRICT;
	INSERT INTO meta VALUES (1, 40, 0);
	INSERT INTO transactions VALUES (1, 'a', 'ann', 'k1', 'settled', 30, 'pa', 8000000000000000, 1), (2, 'b', 'bob', 'k2', 'settled', 40, 'pb', 8000000000000000, 1),
		(3, 'c', 'cid', 'k3', 'new', 1, 'pc', NULL, 1);
	INSERT INTO evidence VALUES (1, 'a', 'ra1'), (2, 'a', 'ra2'), (3, 'b', 'rb');
	INSERT INTO outbox VALUES ('c', 7)`

func record(t *testing.T, schema string) (file string, db *sql.DB) {
	file = filepath.Join(t.TempDir(), "record.db")
	db, err := sql.Open("sqlite3", "file:"+file+"?_journal_mode=WAL")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if _, err := db.Exec(schema); err != nil {
		t.Fatal(err)
	}
	return file, db
}

// Each that is filled in is like one that was settled, with its evidence, and has an id, a key and an event of its own. The first
// are old, and so is what was there: retention begins with it.
func TestTransactionsAreFilledIn(t *testing.T) {
	file, db := record(t, schema)
	if err := fill(t.Context(), file, 1000, 100, func(int) {}); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM transactions`: 1003,
		`SELECT count(*) FROM transactions WHERE owner = 'ann' AND payload = 'pa' AND stage = 'settled'`: 501,
		`SELECT max(event_id) FROM transactions`:                                                         1040,
		`SELECT event FROM meta`:                                                                         1040,
		`SELECT count(*) FROM evidence`:                                                                  3 + 500*2 + 500,
		`SELECT count(*) FROM evidence WHERE transaction_id NOT IN (SELECT id FROM transactions)`:        0,
		`SELECT count(*) FROM outbox`:                                                                    1,
		`SELECT count(*) FROM transactions WHERE length(id) = 36`:                                        1000,
		`SELECT count(*) FROM transactions WHERE owner = 'cid'`:                                          1,
		`SELECT count(*) FROM transactions WHERE event_id <= 140 AND settled_at < 1e15 AND key_held = 0`: 102,
		`SELECT count(*) FROM transactions WHERE event_id > 140 AND settled_at = 8e15 AND key_held = 1`:  900,
		`SELECT released FROM meta`:                                                                      140,
	} {
		var got int
		if err := db.QueryRow(query).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d, want %d (%v)", query, got, want, err)
		}
	}
}

func TestAnotherSchemaIsRefused(t *testing.T) {
	file, _ := record(t, strings.ReplaceAll(schema, "event_id", "event"))
	if err := fill(t.Context(), file, 10, 1, func(int) {}); err == nil || !strings.Contains(err.Error(), "event_id") {
		t.Errorf("%v", err)
	}
}
