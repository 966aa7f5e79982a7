package verdict_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

// keysOnly is a record of nothing but keys that may be freed.
type keysOnly struct {
	verdict.Store
	held    int
	takes   time.Duration // a commit
	batches []int
}

func (k *keysOnly) ReleaseKeys(_ context.Context, _ time.Time, limit int) (int, error) {
	time.Sleep(k.takes)
	freed := min(k.held, limit)
	k.held -= freed
	k.batches = append(k.batches, freed)
	return freed, nil
}

func (k *keysOnly) Parked(context.Context, int) ([]verdict.Webhook, error) { return nil, nil }

// TestKeysAreFreedAFewAtATime: what apps wait for shares the commit, so a batch is small as long as the disk is fast enough.
func TestKeysAreFreedAFewAtATime(t *testing.T) {
	for name, c := range map[string]struct {
		held, left int
		takes      time.Duration
		batches    []int
	}{
		"none":           {batches: []int{0}},
		"a few":          {held: 40, takes: time.Millisecond, batches: []int{16, 16, 8}},
		"a slow disk":    {held: 400, takes: 100 * time.Millisecond, batches: []int{16, 16, 256, 112}},
		"more than each": {held: 5000, left: 904, batches: slices.Repeat([]int{16}, 256)},
	} {
		synctest.Test(t, func(t *testing.T) {
			record := &keysOnly{held: c.held, takes: c.takes}
			planner := verdict.NewPlanner(record, nil, verdict.DefaultSchedule(), verdict.Asking{})
			s := &verdict.Sweeper{
				Store: record, Settler: &verdict.Settler{Planner: planner}, Every: 500 * time.Millisecond, Retention: time.Hour,
				Log: slog.New(slog.DiscardHandler),
			}
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if record.held != c.left || !slices.Equal(record.batches, c.batches) {
				t.Errorf("%s: %d are held, expected %d; batches of %v, expected %v", name, record.held, c.left, record.batches, c.batches)
			}
		})
	}
}
