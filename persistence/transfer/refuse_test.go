package transfer_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/postgres"
	"verdict/persistence/sqlite"
	"verdict/persistence/transfer"
)

// noticesLoss: whoever starts a gateway on the empty database would pay again.
func noticesLoss(t *testing.T, m *move) {
	fill(t, m.before(t))
	m.must(t)
	if _, _, err := m.open(t); !errors.Is(err, transfer.ErrFinished) {
		t.Errorf("moved again: %v", err)
	}
	schema := m.url[strings.LastIndex(m.url, "=")+1:]
	lost := func(what string) {
		t.Helper()
		_, _, err := m.open(t)
		mustSay(t, what, err, `its record isn't here; restore the database, or, if no gateway has stored anything in it, take the marks off`)
	}
	m.sql(t, "DROP SCHEMA "+schema+" CASCADE")
	lost("without the schema")
	m.sql(t, "CREATE SCHEMA "+schema)
	lost("with an empty one")
	m.after(t)
	lost("after a gateway has made a record of its own")
	m.sql(t, "DROP SCHEMA "+schema+" CASCADE")
	other := &move{path: filepath.Join(t.TempDir(), "other.db"), url: m.url}
	fill(t, other.before(t))
	source, target, err := other.open(t)
	if err := errors.Join(err, target.Close(), source.Close()); err != nil {
		t.Fatal(err)
	}
	lost("while another record is moved there")
}

// oneAtATime has a file and a backup of it moved into one database at once.
func oneAtATime(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	backup := &move{path: filepath.Join(t.TempDir(), "backup.db"), url: m.url}
	m.vacuumInto(t, backup.path)
	create(t, old, "after the backup")
	want := contentsOf(t, old)

	source, target, err := m.open(t)
	if err != nil {
		t.Fatal(err)
	}
	var others error
	compared, err := transfer.Move(t.Context(), source, target, func(p transfer.Progress) {
		if p.Doing == "verifying" && p.Table == "meta" { // the last of all
			var from *sqlite.Source
			var to *postgres.Target
			if from, to, others = backup.open(t); others == nil {
				others = errors.Join(to.Close(), from.Close())
			}
		}
	})
	mustSay(t, "the first", err, "another verdict migrate has begun to move into it since")
	if len(compared) != len(transfer.Tables()) || others != nil {
		t.Errorf("it ended after %d tables; the other with %v", len(compared), others)
	}
	if err := errors.Join(target.Close(), source.Close()); err != nil {
		t.Fatal(err)
	}
	create(t, old, "in use") // it isn't marked
	want.last++
	m.must(t)
	if got := contentsOf(t, m.after(t)); got.last != want.last || len(got.transactions) != len(want.transactions) {
		t.Errorf("the last event is %d, want %d", got.last, want.last)
	}
}

// holdsTheTarget: while one is about to leave its source, and until its target is finished, no other run begins.
func holdsTheTarget(t *testing.T, m *move) {
	fill(t, m.before(t))
	source, target, err := m.open(t)
	if err != nil {
		t.Fatal(err)
	}
	_, err = transfer.Move(t.Context(), source, &watched{target, func() error {
		conn, err := pgx.Connect(t.Context(), m.url)
		if err != nil {
			return err
		}
		defer conn.Close(context.Background())
		_, err = conn.Exec(t.Context(), "SET lock_timeout = '100ms'; UPDATE moving SET run = ''", pgx.QueryExecModeSimpleProtocol)
		mustSay(t, "take it over", err, "lock timeout")
		return nil
	}}, ignore)
	if err := errors.Join(err, target.Close(), source.Close()); err != nil {
		t.Error(err)
	}
}

func (m *move) vacuumInto(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+m.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("VACUUM INTO ?", path); err != nil {
		t.Fatal(err)
	}
}

// refusesEarly: a gateway that was started on the target remembers the secret of what is there.
func refusesEarly(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	early := m.after(t)
	_, err := m.run(t, t.Context(), ignore)
	mustSay(t, "move", err, "it isn't empty, and has the tables endpoints, evidence, meta, ")
	mustSay(t, "move", err, "give an empty database or schema, that no gateway has been started on")
	create(t, early, "left as it is")
	create(t, old, "in use")
}

func refusesStrangers(t *testing.T, m *move) {
	fill(t, m.before(t))
	schema := m.url[strings.LastIndex(m.url, "=")+1:]
	for _, stranger := range []string{"CREATE TABLE schema_version (name text)", "CREATE TABLE moving (id int)", "CREATE VIEW meta AS SELECT 1"} {
		m.sql(t, "CREATE SCHEMA "+schema+"; SET search_path = "+schema+"; "+stranger)
		_, err := m.run(t, t.Context(), ignore)
		mustSay(t, stranger, err, "it isn't empty, and has the tables "+strings.Fields(stranger)[2]+"; give an empty database or schema")
		m.sql(t, "DROP SCHEMA "+schema+" CASCADE")
	}
	m.sql(t, "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
	latin := &move{path: m.path, url: strings.Replace(m.url, "/postgres?", "/latin?", 1)}
	_, err := latin.run(t, t.Context(), ignore)
	mustSay(t, "move to Latin", err, "its encoding is LATIN1; give a database that was made with createdb --encoding=UTF8")

	m.sql(t, "CREATE ROLE clerk LOGIN; CREATE SCHEMA "+schema)
	clerk := &move{path: m.path, url: strings.Replace(m.url, "verdict:secret@", "clerk@", 1)}
	if _, err := clerk.run(t, t.Context(), ignore); err == nil || !strings.Contains(err.Error(), "no schema of the search_path is there") {
		mustSay(t, "move into a schema of others", err, "permission denied for database")
	}
	m.sql(t, "GRANT USAGE ON SCHEMA "+schema+" TO clerk")
	_, err = clerk.run(t, t.Context(), ignore)
	mend := "GRANT CREATE ON SCHEMA " + schema + ` TO "clerk"`
	mustSay(t, "move without the right to create", err, mend)
	m.sql(t, mend)
	clerk.must(t)
}

// refusesSources holds that what is no record, or not all of it, is left to the byte as it was.
func refusesSources(t *testing.T, m *move) {
	dir := t.TempDir()
	strange := filepath.Join(dir, "strange.db")
	db, err := sql.Open("sqlite3", "file:"+strange)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("CREATE TABLE notes (text); CREATE TABLE meta (name, value); INSERT INTO notes VALUES ('mine')")
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	empty, linked := filepath.Join(dir, "empty.db"), filepath.Join(dir, "linked.db")
	fill(t, m.before(t)) // which stays open, and keeps what it stored in its log
	if err := errors.Join(os.WriteFile(empty, nil, 0o600), os.Link(m.path, linked)); err != nil {
		t.Fatal(err)
	}
	for path, words := range map[string]string{
		strange: "it holds no record of Verdict", empty: "it holds no record of Verdict", linked: "the file has several names (hard links)",
		m.path: "the file has several names (hard links)", filepath.Join(dir, "none.db"): "there is no such file",
	} {
		before, _ := os.ReadFile(path)
		_, err := (&move{path: path, url: m.url}).run(t, t.Context(), ignore)
		mustSay(t, path, err, words)
		if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
			t.Errorf("%s has changed", path)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); len(left) != 3 || err != nil {
		t.Errorf("there are %v, error %v", left, err)
	}
	if err := os.Remove(linked); err != nil {
		t.Fatal(err)
	}
	symlink := &move{path: linked, url: m.url}
	if err := os.Symlink(m.path, linked); err != nil {
		t.Fatal(err)
	}
	want := contentsOf(t, m.before(t))
	symlink.must(t)
	if got := contentsOf(t, m.after(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("after the move:\n%+v\nbefore:\n%+v", got, want)
	}
}

// reachesFirst: a gateway has to wait only if there is something to wait for.
func reachesFirst(t *testing.T, m *move) {
	old := m.before(t)
	unreachable := &move{path: m.path, url: "postgres://verdict:secret@127.0.0.1:1/postgres"}
	source, err := sqlite.OpenSource(t.Context(), m.path)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	create(t, old, "while the file is only open")
	_, err = unreachable.run(t, t.Context(), ignore)
	mustSay(t, "move", err, "connection refused")
}

// namesThePlace reaches one schema on several ways.
func namesThePlace(t *testing.T, m *move) {
	m.sql(t, "CREATE SCHEMA elsewhere; CREATE ROLE settled SUPERUSER LOGIN; ALTER ROLE settled SET search_path = elsewhere")
	sockets, port := m.asked(t, "SHOW unix_socket_directories"), fmt.Sprint(m.server.Port)
	at, local, socket := "127.0.0.1:"+port, "localhost:"+port, "host="+url.QueryEscape(sockets)+"&port="+port
	for given, want := range map[string]string{
		"verdict:secret@" + at + "/postgres?search_path=elsewhere":             at + "/postgres?search_path=elsewhere",
		"verdict:secret@" + at + "/postgres?options=-csearch_path%3Delsewhere": at + "/postgres?search_path=elsewhere",
		"settled:secret@" + at + "/postgres?connect_timeout=5":                 at + "/postgres?search_path=elsewhere",
		"verdict:secret@127.0.0.1:1," + at + "/postgres?search_path=not_yet":   at + "/postgres?search_path=not_yet",
		"verdict:secret@127.0.0.1:1," + local + "/postgres?connect_timeout=5":  local + "/postgres",
		"verdict:secret@/postgres?" + socket:                                   "/postgres?" + socket,
		"settled@/postgres?host=/nowhere," + sockets + "&port=" + port:         "/postgres?" + socket + "&search_path=elsewhere",
	} {
		given, want = "postgres://"+given+"&sslmode=disable", "postgres://"+want
		target, err := postgres.OpenTarget(t.Context(), given)
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if got := target.Place(); got != want {
			t.Errorf("%s is at %s, want %s", given, got, want)
		}
		if err := target.Close(); err != nil {
			t.Error(err)
		}
		again, err := postgres.OpenTarget(t.Context(), strings.Replace(want, "postgres://", "postgres://verdict:secret@", 1))
		if err != nil || again.Place() != want {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

func (m *move) asked(t *testing.T, query string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// hidesPasswords gives URLs in which a password isn't written as it has to be.
func hidesPasswords(t *testing.T, m *move) {
	at := fmt.Sprintf("127.0.0.1:%d", m.server.Port)
	for _, given := range []string{
		"postgres://verdict:pass@hunter2@" + at + "/postgres", "postgres://verdict:12/hunter2@" + at + "/postgres",
		"postgres://verdict:%zzhunter2@" + at + "/postgres", "postgres://verdict:hunter2/x@" + at + "/postgres",
		"postgres://verdict@" + at + "/postgres?password=hunter2&sslmode=bogus", "postgres://verdict:p@h@unter2/x",
		"postgres://verdict:1?hunter2@" + at + "/x%zz", "postgres://verdict:hunter2/postgres",
	} {
		_, err := postgres.OpenTarget(t.Context(), given)
		mustSay(t, given, err, "the URL of the database can't be read; give postgres://user:password@host:5432/database")
		_, opened := postgres.Open(t.Context(), given)
		mustSay(t, given, opened, "the URL of the database can't be read")
		if text := fmt.Sprint(err, opened); strings.Contains(text, "unter2") {
			t.Errorf("%s: it shows the password: %s", given, text)
		}
	}
}
