package sqlite

import (
	"context"
	"fmt"
	"time"

	"verdict"
)

// Each count walks an index of just what it counts, or a table that is small.
const backlog = `SELECT count(*), count(*) FILTER (WHERE since <= ?1), min(since) FILTER (WHERE since <= ?1),
	(SELECT count(*) FROM transactions WHERE stage = 'review'), (SELECT count(*) FROM evidence WHERE conflict = 1),
	(SELECT count(*) FROM parked) FROM outbox`

// Backlog implements verdict.Store.
func (s *Store) Backlog(ctx context.Context, now time.Time) (verdict.Backlog, error) {
	b, err := first(read(ctx, s, scanBacklog, backlog, moment(now)))
	if err != nil {
		return verdict.Backlog{}, fmt.Errorf("count the backlog: %w", err)
	}
	return b, nil
}

func scanBacklog(rows row) (b verdict.Backlog, err error) {
	err = rows.Scan(&b.Commands, &b.Due, (*moment)(&b.DueSince), &b.Review, &b.Conflicts, &b.Parked)
	return b, err
}
