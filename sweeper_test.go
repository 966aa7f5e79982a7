package verdict_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// keysOnly is a record of nothing but keys that may be freed.
type keysOnly struct {
	verdict.Store
	held    int
	longest int // batch since it was last looked at
}

func (k *keysOnly) ReleaseKeys(_ context.Context, _ time.Time, limit int) (int, error) {
	freed := min(k.held, limit)
	k.held -= freed
	k.longest = max(k.longest, freed)
	return freed, nil
}

func (k *keysOnly) Parked(context.Context, int) ([]verdict.Webhook, error) { return nil, nil }

// TestKeysAreFreedAFewAtATime: what apps wait for shares the commit, so a batch is as small as it may be for all to be freed.
func TestKeysAreFreedAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := &keysOnly{held: 20_000}
		planner := verdict.NewPlanner(record, nil, verdict.DefaultSchedule(), verdict.Asking{})
		s := &verdict.Sweeper{
			Store: record, Settler: &verdict.Settler{Planner: planner}, Every: 500 * time.Millisecond, Retention: time.Hour, Log: slog.New(slog.DiscardHandler),
		}
		sweep := func(times, more int) {
			t.Helper()
			for range times {
				record.held += more
				if err := s.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		sweep(1, 0)
		if record.longest != 16 {
			t.Errorf("the first batch is of %d", record.longest)
		}
		sweep(10, 500)
		if record.held != 0 || record.longest > 256 {
			t.Errorf("behind: %d are held after eleven sweeps, and the longest batch was of %d", record.held, record.longest)
		}
		sweep(10, 500)
		record.longest = 0
		sweep(100, 500)
		if record.held > 1000 || record.longest > 64 {
			t.Errorf("500 in each sweep: %d are held, and the longest batch was of %d", record.held, record.longest)
		}
	})
}
