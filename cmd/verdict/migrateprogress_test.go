package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"verdict/persistence/sqlite"
	"verdict/persistence/transfer"
)

func TestMigrateSaysTheMend(t *testing.T) {
	t.Parallel()
	other := filepath.Join(t.TempDir(), "not-a-record")
	if err := os.WriteFile(other, []byte(strings.Repeat("no record ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	record := filepath.Join(t.TempDir(), "verdict.db")
	s, err := sqlite.Open(t.Context(), record)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	held, err := sqlite.OpenSource(t.Context(), record) // by another: to wait for it makes no sense before the target is reached
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if _, err := held.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ from, to, says string }{
		{"memory:", "postgres://u:secret@127.0.0.1/x", "--from: give sqlite:PATH"},
		{"postgres://u:secret@h/d", "sqlite:x.db", "--from: give sqlite:PATH"},
		{"host=h password=secret", "sqlite:x.db", "--from: give sqlite:PATH"},
		{"sqlite:", "postgres://u:secret@127.0.0.1/x", "give sqlite:PATH"},
		{"sqlite://data/verdict.db", "postgres://u:secret@127.0.0.1/x", "give sqlite:PATH"},
		{"sqlite:x.db", "host=h password=secret", "--to: give postgres://USER:PASSWORD@HOST"},
		{"sqlite:" + record, "postgres://u:se@secret@127.0.0.1:1/x", "with %40 for @"},
		{"sqlite:x.db", "sqlite:secret.db", "--to: give postgres://USER:PASSWORD@HOST"},
		{"sqlite:/nowhere/x.db", "postgres://u:secret@127.0.0.1/x", "there is no such file"},
		{"sqlite:" + record, "postgres://u:secret@127.0.0.1:1/x", "connection refused"},
		{"sqlite:" + record, "postgres://u:sec%ret@127.0.0.1:1/x", "give postgres://user:password@host:5432/database"},
		{"sqlite:" + other, "postgres://u:secret@127.0.0.1/x", "restore the file from a backup, or give another path"},
	} {
		out, err := exec.Command(binary, "migrate", "--from", test.from, "--to", test.to).CombinedOutput()
		if text := string(out); err == nil || !strings.Contains(text, test.says) || strings.Contains(text, "secret") {
			t.Errorf("from %s to %s: %v\n%swant %q, and no password", test.from, test.to, err, out, test.says)
		}
	}
}

func TestAPathIsTakenAsOthersWriteIt(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"sqlite:data/verdict.db": "data/verdict.db", "sqlite:/var/lib/verdict.db": "/var/lib/verdict.db", "sqlite:///var/lib/verdict.db": "/var/lib/verdict.db",
	} {
		if path, ok := sqlitePath(url); path != want || !ok {
			t.Errorf("%s is %q, %v", url, path, ok)
		}
	}
}

// TestProgressIsToldAtAPaceForPeople tells of a move of 20 s, in steps of 100 ms.
func TestProgressIsToldAtAPaceForPeople(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var out bytes.Buffer
			progress := &teller{out: &out, terminal: terminal}
			for done := int64(100); done <= 20_000; done += 100 {
				time.Sleep(100 * time.Millisecond)
				progress.tell(transfer.Progress{Doing: "copying", Table: "evidence", Done: done, Total: 20_000, Copied: done / 2})
			}
			progress.tell(transfer.Progress{Doing: "verifying", Table: "meta", Done: 20_000, Total: 20_000})
			progress.end()
			lines, rewrites := strings.Count(out.String(), "\n"), strings.Count(out.String(), "\r")
			if terminal && (lines != 2 || rewrites < 80 || rewrites > 110) || !terminal && (lines != 5 || rewrites != 0) {
				t.Errorf("on a terminal %v: %d lines, rewritten %d times:\n%q", terminal, lines, rewrites, out.String())
			}
			const words = "copying evidence: 5100 of 20000 rows (2550 were there already), 1020 rows/s, 15s left"
			if !terminal && !strings.HasPrefix(out.String(), words+"\n") {
				t.Errorf("after five seconds: %q, want %q", out.String(), words)
			}
		})
	}
}
