package sqlite

import (
	"context"
	"encoding/binary"
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

// The setting database is sqlite:data/verdict.db unless told otherwise.
func TestPathsOfABackupMayBeRelative(t *testing.T) {
	t.Chdir(t.TempDir())
	create(t, openAt(t, "data/verdict.db"), "one")
	for _, to := range []string{"copy.db", "./copies/a ?b#c:d%20.db"} {
		mustBackUp(t, "data/verdict.db", to)
		restored := filepath.Join("restored", to)
		if _, err := Restore(t.Context(), to, restored, asIs); err != nil {
			t.Fatal(err)
		}
		stands(t, openAt(t, restored), "one", true)
	}
}

func TestABackupOfABusyFileIsWhole(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	create(t, s, "one")
	fatten(t, s, "one")
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
	create(t, s, "one")
	fatten(t, s, "one")
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
	if _, err := Backup(t.Context(), path, to, false); err == nil || !strings.Contains(err.Error(), "the file is damaged") {
		t.Errorf("a damaged file: error %v", err)
	}
	if left := mustList(t, folder); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// damage overwrites a page that goes on where another ends: nothing but a look through the whole file finds that.
func damage(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for at := 100 * page; at < len(content); at += page {
		if next := binary.BigEndian.Uint32(content[at:]); int(next) == at/page+2 { // pages are numbered from 1
			clear(content[at : at+page])
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatal("no page goes on in the next")
}

// fatten gives a transaction more evidence than is copied in one step.
func fatten(t *testing.T, s *Store, id string) {
	t.Helper()
	for range stepPages * 4096 / verdict.MaxRaw * 3 / 2 {
		record := verdict.Evidence{Source: verdict.SourceCheck, Raw: make([]byte, verdict.MaxRaw)}
		if err := s.Record(t.Context(), id, record); err != nil {
			t.Fatal(err)
		}
	}
}
