package sqlite

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

func TestOpenMakesTheFolderAndTheFileForTheUserAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b #1?", "100%.db")
	create(t, openAt(t, path), "one")
	for name, want := range map[string]os.FileMode{
		filepath.Dir(filepath.Dir(path)): os.ModeDir | 0o700, filepath.Dir(path): os.ModeDir | 0o700,
		path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600,
	} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, error %v, want %v", name, info, err, want)
		}
	}
}

func TestOpenTakesARelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	create(t, openAt(t, "data/verdict.db"), "one")
	if _, err := os.Stat("data/verdict.db"); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysTheMend(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("not a database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	alter(t, newer, "PRAGMA user_version = 99")
	foreign := filepath.Join(dir, "foreign.db")
	alter(t, foreign, "CREATE TABLE transactions (id)")

	for path, mend := range map[string]string{
		garbage:                        "restore the file from a backup, or give another path",
		newer:                          "upgrade verdict",
		foreign:                        "give the path of a file that Verdict made, or of none",
		dir:                            "give the path of a file",
		filepath.Join(garbage, "x.db"): "give a path in a folder that this user may write to",
	} {
		s, err := Open(t.Context(), path)
		if err == nil {
			t.Errorf("%s was opened", path)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), mend) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %q doesn't name %s or say %q", err, path, mend)
		}
	}
	create(t, openAt(t, filepath.Join(dir, "fine.db")), "one")
}

// alter changes a file behind the store's back.
func alter(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite3", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestManyMayOpenANewFileAtOnce(t *testing.T) {
	path := newPath(t)
	var opening sync.WaitGroup
	secrets := make([][]byte, 8)
	for i := range secrets {
		opening.Go(func() {
			s, err := Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			if secrets[i], err = s.Secret(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	for _, secret := range secrets {
		if !bytes.Equal(secret, secrets[0]) {
			t.Errorf("secrets %x and %x of one store", secret, secrets[0])
		}
	}
}

func TestACommitIsSyncedAndReadersCannotWrite(t *testing.T) {
	s := openAt(t, newPath(t))
	if _, err := s.pool.ExecContext(t.Context(), "DELETE FROM meta"); err == nil {
		t.Error("a reader wrote")
	}
	weak, err := sql.Open("sqlite3", dsn(newPath(t), "_journal_mode=WAL&_synchronous=NORMAL"))
	if err != nil {
		t.Fatal(err)
	}
	defer weak.Close()
	conn, err := weak.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := secure(t.Context(), conn); err == nil {
		t.Error("a connection that doesn't sync its commits was taken for secure")
	}
	if err := secure(t.Context(), s.conn); err != nil {
		t.Errorf("the writer's connection: %v", err)
	}
}

func TestVersionsAreComparedAsNumbers(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"3.51.2", "3.51.3", true}, {"3.51.3", "3.51.3", false}, {"3.51.10", "3.51.3", false},
		{"3.9.0", "3.51.3", true}, {"3.52.0", "3.51.3", false}, {"4.0", "3.51.3", false}, {"3.51", "3.51.3", true},
	} {
		if got := older(test.a, test.b); got != test.want {
			t.Errorf("%s is older than %s: %v", test.a, test.b, got)
		}
	}
}

func TestTheStoreRunsInVirtualTimeAndLeavesNothingBehind(t *testing.T) {
	path := newPath(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		create(t, s, "one")
		stands(t, s, "one", true)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAClosedFileHasNoLogBesideIt(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	create(t, s, "one")
	stands(t, s, "one", true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := mustList(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}
