package postgres

import (
	"context"
	"fmt"
	"time"
)

const (
	// released is where the last release ended: the transactions settled up to that event id have no key any more.
	// Verdicts are numbered as they are stored, so those that follow are in the order of settling.
	releasable = `SELECT EXISTS (SELECT FROM (SELECT settled_at FROM transactions
		WHERE settled_event > (SELECT released FROM meta) ORDER BY settled_event LIMIT 1) AS next
		WHERE coalesce(settled_at, -9223372036854775808) < $1)`

	releaseKeys = `WITH next AS (
			SELECT settled_event, coalesce(settled_at, -9223372036854775808) < $1 AS old FROM transactions
			WHERE settled_event > (SELECT released FROM meta) ORDER BY settled_event LIMIT $2
		), old AS (
			SELECT settled_event FROM next
			WHERE settled_event < coalesce((SELECT min(settled_event) FROM next WHERE NOT old), 9223372036854775807)
		), kept AS (
			UPDATE meta SET released = (SELECT max(settled_event) FROM old) WHERE EXISTS (SELECT FROM old)
		)
		UPDATE transactions t SET key_held = false FROM old WHERE t.settled_event = old.settled_event`
)

// ReleaseKeys implements verdict.Store. Where there is nothing to release it only reads.
func (s *Store) ReleaseKeys(ctx context.Context, settledBefore time.Time, limit int) (int, error) {
	any, err := first(read(ctx, s, value[bool], releasable, moment(settledBefore)))
	if err == nil && !any {
		return 0, nil
	}
	released := 0
	if err == nil {
		released, err = write(ctx, s.queue.Wait, &operation{}, func(c *commit, released *int) {
			c.count(releaseKeys, func(changed int64) { *released = int(changed) }, moment(settledBefore), max(limit, 0))
		})
	}
	if err != nil {
		return 0, fmt.Errorf("release keys: %w", err)
	}
	return released, nil
}
