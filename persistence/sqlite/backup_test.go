package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

func mustBackUp(t *testing.T, from, to string) Copy {
	t.Helper()
	c, err := Backup(t.Context(), from, to, false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asIs is what Restore is told where only the file matters.
func asIs(*Store) error { return nil }

func TestABackupOfABusyFileIsWhole(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var acknowledged []string
	var writing sync.WaitGroup
	for i := range 8 {
		writing.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%d-%d", i, n)
				create(t, s, id)
				mu.Lock()
				acknowledged = append(acknowledged, id)
				mu.Unlock()
			}
		})
	}
	known := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return acknowledged
	}
	folder := t.TempDir()
	for round := range 3 {
		for before := len(known()); len(known()) < before+500; time.Sleep(time.Millisecond) {
		}
		before := known()
		to := filepath.Join(folder, fmt.Sprint("backup ", round, ".db"))
		c := mustBackUp(t, path, to)
		meanwhile := len(known()) - len(before)
		restored := filepath.Join(t.TempDir(), "verdict.db")
		if _, err := Restore(t.Context(), to, restored, asIs); err != nil {
			t.Fatal(err)
		}
		r := openAt(t, restored)
		for _, id := range before {
			stands(t, r, id, true)
		}
		consistent(t, r)
		if c.Transactions < int64(len(before)) || c.Pending != c.Transactions || c.LastEvent != c.Transactions || c.Bytes == 0 {
			t.Errorf("%d were acknowledged before, and the copy says %+v", len(before), c)
		}
		t.Logf("%d transactions, %d of them before; %d more while it was copied", c.Transactions, len(before), meanwhile)
	}
	stop()
	writing.Wait()
	for _, file := range mustList(t, folder) {
		if info, err := os.Stat(filepath.Join(folder, file)); err != nil || info.Mode().Perm() != 0o600 || !strings.HasSuffix(file, ".db") {
			t.Errorf("%s: mode %v, error %v", file, info.Mode(), err)
		}
	}
}

func mustList(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestNobodyTakesABackupForTheRecord(t *testing.T) {
	path, to := newPath(t), filepath.Join(t.TempDir(), "backup.db")
	create(t, openAt(t, path), "one")
	mustBackUp(t, path, to)
	for range 2 { // it stays so
		if _, err := Open(t.Context(), to); err == nil || !strings.Contains(err.Error(), "bring it into use with verdict restore") {
			t.Fatalf("error %v", err)
		}
	}
	again := filepath.Join(t.TempDir(), "again.db")
	mustBackUp(t, to, again)
	first, err := Restore(t.Context(), to, filepath.Join(t.TempDir(), "verdict.db"), asIs)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Restore(t.Context(), again, filepath.Join(t.TempDir(), "verdict.db"), asIs)
	if err != nil || first.At.IsZero() || !second.At.Equal(first.At) {
		t.Errorf("a backup of a backup is of %s instead of %s, error %v", second.At, first.At, err)
	}
	if _, err := Open(t.Context(), to); err == nil {
		t.Error("restoring a backup has broken its seal")
	}
	stands(t, openAt(t, second.Path), "one", true)
}

func TestABackupReplacesNothingUnasked(t *testing.T) {
	path, to := newPath(t), filepath.Join(t.TempDir(), "backup.db")
	s := openAt(t, path)
	mustBackUp(t, path, to)
	create(t, s, "one")
	if _, err := Backup(t.Context(), path, to, false); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("error %v", err)
	}
	if c, err := Backup(t.Context(), path, to, true); err != nil || c.Transactions != 1 {
		t.Errorf("%+v, error %v", c, err)
	}
	beside := t.TempDir()
	for _, end := range []string{"", "-wal", "-shm"} {
		there := filepath.Join(beside, end+"verdict.db")
		if err := os.WriteFile(there+end, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Restore(t.Context(), to, there, asIs); err == nil || !strings.Contains(err.Error(), "move it away") {
			t.Errorf("restored beside %s: error %v", there+end, err)
		}
	}
}

func TestWhatFailsLeavesNothingBehind(t *testing.T) {
	path, folder := newPath(t), t.TempDir()
	to := filepath.Join(folder, "copy.db")
	s := openAt(t, path)
	e := verdict.Evidence{Raw: make([]byte, verdict.MaxRaw)}
	create(t, s, "one")
	for range 100 {
		if err := s.Record(t.Context(), "one", e); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("not fit")
	if _, err := Restore(t.Context(), path, to, func(*Store) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	late, cancel := context.WithCancel(t.Context())
	if _, err := Restore(late, path, to, func(*Store) error { cancel(); return late.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := Backup(late, path, to, false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	for _, nothing := range []string{filepath.Join(folder, "none"), os.Args[0]} {
		if _, err := Backup(t.Context(), nothing, to, false); err == nil {
			t.Errorf("%s was backed up", nothing)
		}
	}
	damage(t, path)
	if _, err := Backup(t.Context(), path, to, false); err == nil || !strings.Contains(err.Error(), "damaged") && !strings.Contains(err.Error(), "malformed") {
		t.Errorf("a damaged file: error %v", err)
	}
	if left := mustList(t, folder); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// damage overwrites a part of the file that holds more than payloads: every second page of the first hundred but the first ones.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for page := int64(21); page < 100; page += 2 {
		if _, err := f.WriteAt(make([]byte, 4096), page*4096); err != nil {
			t.Fatal(err)
		}
	}
}
