package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"verdict"
)

// TestOverlappingReadsDoNotMakeTheLogGrow has each read begin before the last ends, and last for many commits, so that
// at no time all readers have seen the whole log.
func TestOverlappingReadsDoNotMakeTheLogGrow(t *testing.T) {
	path := newPath(t)
	s := openAt(t, path)
	create(t, s, "one")
	ctx, stop := context.WithCancel(t.Context())
	var reading sync.WaitGroup
	reading.Go(func() {
		last := snapshot(t, s)
		for ctx.Err() == nil {
			next := snapshot(t, s)
			time.Sleep(5 * time.Millisecond) // how long a read takes
			end(t, last)
			last = next
		}
		end(t, last)
	})
	e := verdict.Evidence{Raw: make([]byte, verdict.MaxRaw)}
	longest := int64(0)
	for range 3 * restartFrames / 16 { // each takes 16 frames or more
		if err := s.Record(t.Context(), "one", e); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, info.Size())
	}
	stop()
	reading.Wait()
	t.Logf("the log was %d KiB at its longest", longest>>10)
	if limit := int64(2*restartFrames) * 4096; longest > limit {
		t.Errorf("the log grew to %d bytes, want at most %d", longest, limit)
	}
}

// TestTheLogIsCopiedALittleAtATime: what comes while it is copied waits.
func TestTheLogIsCopiedALittleAtATime(t *testing.T) {
	s := openAt(t, newPath(t))
	most := 0
	for i := range 10 * checkpointCommits {
		create(t, s, fmt.Sprint("one by one ", i))
		most = max(most, uncopied(t, s))
	}
	if limit := 20 * checkpointCommits; most > limit {
		t.Errorf("%d frames were waiting after single operations, want at most %d", most, limit)
	}
	create(t, s, "one")
	var recording sync.WaitGroup
	for range 3 * checkpointOperations {
		recording.Go(func() {
			if err := s.Record(t.Context(), "one", verdict.Evidence{Raw: make([]byte, verdict.MaxRaw)}); err != nil {
				t.Error(err)
			}
		})
	}
	recording.Wait()
	if n, limit := uncopied(t, s), 20*(checkpointOperations+batchSize); n > limit {
		t.Errorf("%d frames were waiting after many operations at once, want at most %d", n, limit)
	}
}

// uncopied measures how many frames of the log are yet to be copied.
func uncopied(t *testing.T, s *Store) int {
	t.Helper()
	var busy, frames, copied int
	if err := s.pool.QueryRow("PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &frames, &copied); err != nil {
		t.Fatal(err)
	}
	return frames - copied
}

// snapshot begins a read.
func snapshot(t *testing.T, s *Store) *sql.Tx {
	tx, err := s.pool.Begin()
	if err != nil {
		t.Error(err)
		return nil
	}
	var n int
	if err := tx.QueryRow("SELECT event FROM meta").Scan(&n); err != nil {
		t.Error(err)
	}
	return tx
}

func end(t *testing.T, read *sql.Tx) {
	if read == nil {
		return
	}
	if err := read.Rollback(); err != nil {
		t.Error(err)
	}
}
