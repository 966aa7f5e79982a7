package persistence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"verdict/persistence/postgres/postgrestest"
)

func TestEachFormOfURLOpensItsStore(t *testing.T) {
	t.Chdir(t.TempDir())
	file := filepath.Join(t.TempDir(), "data", "verdict.db")
	for url, made := range map[string]string{
		"sqlite:" + file: file, "sqlite:data/verdict.db": "data/verdict.db", "memory:": "",
	} {
		s, err := Open(t.Context(), url)
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		if secret, err := s.Secret(t.Context()); err != nil || len(secret) != 32 {
			t.Errorf("%s: secret %x, error %v", url, secret, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: close: %v", url, err)
		}
		if _, err := os.Stat(made); made != "" && err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestOpenNamesTheFormsThatWork(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, url := range []string{
		"", "sqlite", "sqlite:", "sqlite://data/verdict.db", "SQLITE:x", "memory", "memory:x", "mysql:x", "verdict.db",
		"host=127.0.0.1 user=u password=secret", "host=127.0.0.1 password=secret:x", "postgres:u:secret@127.0.0.1/d", "secret",
		"sqlite://u:secret@127.0.0.1/d", "mysql://u:secret@127.0.0.1/d",
	} {
		s, err := Open(t.Context(), url)
		if err == nil {
			t.Errorf("%q was opened", url)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), "sqlite:PATH") || !strings.Contains(err.Error(), "memory:") ||
			!strings.Contains(err.Error(), "postgres://") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: error %q doesn't name the forms that work, or shows the password", url, err)
		}
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) != 0 {
		t.Errorf("made %v, error %v", made, err)
	}
}

func TestAPostgresURLOpensItsStore(t *testing.T) {
	server := postgrestest.New(t)
	s, err := Open(t.Context(), server.URL("opened"))
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := s.Secret(t.Context()); err != nil || len(secret) != 32 {
		t.Errorf("secret %x, error %v", secret, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
