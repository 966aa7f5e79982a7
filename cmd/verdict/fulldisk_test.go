//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// prompt is answered with a verdict by the reply.
const prompt = `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`

// TestAFullDiskOfTheStreamOnlyDelays: what is accepted while the stream's folder takes nothing is on record, until so much
// waits that it is refused; all goes on when there is room again, without a restart.
func TestAFullDiskOfTheStreamOnlyDelays(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 64)
	data := t.TempDir()
	folder := filepath.Join(d.dir, "jetstream")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(folder, filepath.Join(data, "jetstream")); err != nil {
		t.Fatal(err)
	}
	s := newStation(t, data)
	s.start()
	s.settles(t.Context(), "before")
	filler := filepath.Join(d.dir, "filler")
	fill(t, filler)
	var ids []string
	refused := ""
	mustBecome(t, "what is new is refused, since those before it wait", func() bool {
		for range 20 {
			key := fmt.Sprint("during ", len(ids))
			v, err := s.post(key, prompt)
			if err != nil {
				s.refusesClearly(key)
				refused = key
				return true
			}
			ids = append(ids, v.ID)
		}
		return false
	})
	settled := func() (n int) {
		held, err := readDisk(t.Context(), s.database())
		if err != nil {
			t.Fatal(err)
		}
		return held.stages()["settled"]
	}
	late := len(ids) + 1 - settled()
	if late < 100 {
		t.Errorf("refused when %d waited", late)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	again, err := s.app(refused).submit(t.Context(), prompt)
	if err != nil {
		t.Fatal(err)
	}
	ids = append(ids, again.ID)
	mustBecome(t, "all that was accepted has its verdict", func() bool { return settled() == len(ids)+1 })
	ledger := s.ledger()
	for _, id := range ids {
		if len(ledger[id]) != 1 {
			t.Errorf("%s had %d effects", id, len(ledger[id]))
		}
	}
	g := s.gateway
	if code := g.terminate(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	t.Logf("%d of %d waited for room", late, len(ids))
	if !strings.Contains(g.log.String(), "the stream is usable again") {
		t.Error("the disk was never too full for the stream")
	}
}

// TestAFullDiskOfTheArchiveKeepsTheRecord: what can't be archived isn't deleted.
func TestAFullDiskOfTheArchiveKeepsTheRecord(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 16)
	archive, filler := filepath.Join(d.dir, "archive"), filepath.Join(d.dir, "filler")
	o := newOffice(t, forgetting(archive)...)
	fill(t, filler)
	ids := map[string]bool{}
	for n := range 100 {
		ids[o.submitted(t, fmt.Sprint("k", n), prompt).ID] = true
	}
	mustBecome(t, "the archive is too full", func() bool {
		_, metrics := o.get(t, "/metrics")
		return !strings.Contains(metrics, "\nverdict_retention_failures_total 0\n")
	})
	time.Sleep(3 * time.Second) // in which all of it would be over
	there := func() int {
		held, err := readDisk(t.Context(), o.record())
		if err != nil {
			t.Fatal(err)
		}
		return len(held.rows)
	}
	kept := readArchive(t, archive)
	if n := there(); n+len(kept) < len(ids) || n == 0 {
		t.Errorf("%d are on record and %d in the archive, of %d", n, len(kept), len(ids))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	mustBecome(t, "all is archived", func() bool { return there() == 0 })
	kept = readArchive(t, archive)
	for id := range ids {
		if _, ok := kept["transaction "+id]; !ok {
			t.Errorf("%s is lost", id)
		}
	}
}
