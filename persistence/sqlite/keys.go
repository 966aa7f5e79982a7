package sqlite

import (
	"context"
	"fmt"
	"time"
)

const (
	// released is where the last release ended: the transactions settled up to that event id have no key any more.
	// Verdicts are numbered as they are stored, so those that follow are in the order of settling.
	releasable = `SELECT event_id, settled_at FROM transactions
		WHERE stage = 'settled' AND event_id > (SELECT released FROM meta) ORDER BY event_id LIMIT +?`

	releaseKeys = `UPDATE transactions SET key_held = 0
		WHERE stage = 'settled' AND event_id > (SELECT released FROM meta) AND event_id <= ?`

	keepReleased = `UPDATE meta SET released = ?`
)

// A verdictAt is the number and the time of a verdict.
type verdictAt struct {
	event int64
	at    time.Time
}

// ReleaseKeys implements verdict.Store. Where there is nothing to release it only reads.
func (s *Store) ReleaseKeys(ctx context.Context, settledBefore time.Time, limit int) (int, error) {
	oldest, err := read(ctx, s, scanVerdictAt, releasable, min(limit, 1))
	if err == nil && len(old(oldest, settledBefore)) == 0 {
		return 0, nil
	}
	released := 0
	if err == nil {
		released, err = write(ctx, s.queue.Wait, func(c *commit) (int, error) { return c.releaseKeys(settledBefore, limit) })
	}
	if err != nil {
		return 0, fmt.Errorf("release keys: %w", err)
	}
	return released, nil
}

func (c *commit) releaseKeys(settledBefore time.Time, limit int) (int, error) {
	settled, err := list(context.Background(), c.kept, scanVerdictAt, releasable, max(limit, 0))
	if err != nil {
		return 0, err
	}
	settled = old(settled, settledBefore)
	if len(settled) == 0 {
		return 0, nil
	}
	last := settled[len(settled)-1].event
	released, err := c.kept.exec(releaseKeys, last)
	if err != nil {
		return 0, err
	}
	_, err = c.kept.exec(keepReleased, last)
	return int(released), err
}

// old returns the verdicts up to the first that isn't before that time.
func old(verdicts []verdictAt, before time.Time) []verdictAt {
	for i, v := range verdicts {
		if !v.at.Before(before) {
			return verdicts[:i]
		}
	}
	return verdicts
}

func scanVerdictAt(rows row) (v verdictAt, err error) {
	err = rows.Scan(&v.event, (*moment)(&v.at))
	return v, err
}
