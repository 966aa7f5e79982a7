package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"verdict"
)

const (
	putCommand = `INSERT INTO outbox (transaction_id, kind, version, provider, since, due) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (transaction_id) DO UPDATE SET kind = excluded.kind, version = excluded.version,
		provider = excluded.provider, since = excluded.since, due = excluded.due`

	dropCommand = `DELETE FROM outbox WHERE transaction_id = ?`

	// due never comes before since: the release before this one goes by due alone.
	putOff = `UPDATE outbox SET due = max(?, since) WHERE transaction_id = ?`

	// The bound on since takes nothing away. It ends the search where what is due later begins.
	anyDue = `SELECT 1 FROM outbox WHERE provider = ?1 AND kind = ?2 AND since <= ?3 AND due <= ?3 LIMIT 1`

	// ?3 is now, ?4 the limit, ?5 the shortest claim, ?6 the longest.
	claimDue = `UPDATE outbox SET due = ?3 + min(max(?3 - since, ?5), ?6)
		WHERE transaction_id IN (SELECT transaction_id FROM outbox
			WHERE provider = +?1 AND kind = +?2 AND since <= ?3 AND due <= ?3 ORDER BY since, transaction_id LIMIT +?4)
		RETURNING kind, transaction_id, version, provider, since`

	unclaim = `UPDATE outbox SET due = since WHERE transaction_id = ? AND version = ?`

	dueSince = `SELECT since FROM outbox WHERE provider = +? AND kind = +? ORDER BY since LIMIT 1 OFFSET ?`

	// Each provider is looked up from the one before it: the commands of one may be many.
	waiting = `WITH RECURSIVE names (name) AS (
			SELECT min(provider) FROM outbox
			UNION ALL SELECT (SELECT min(provider) FROM outbox WHERE provider > name) FROM names WHERE name IS NOT NULL
		) SELECT name FROM names WHERE name IS NOT NULL ORDER BY name`
)

// putCommand keeps the command of a change in place of the one before it. One that is due already is the committer's for
// a lease.
func (c *commit) putCommand(t verdict.Transaction) error {
	command, ok := t.Command()
	if !ok {
		_, err := c.kept.exec(dropCommand, t.ID)
		return err
	}
	since, due := t.Due, t.Due
	if since.IsZero() {
		since = c.now
	}
	if !due.After(c.now) {
		due = c.now.Add(verdict.Lease)
	}
	_, err := c.kept.exec(putCommand, command.Transaction, command.Kind, command.Version, command.Provider, moment(since), moment(due))
	return err
}

// putOff has a transaction's command wait.
func (c *commit) putOff(id string, until time.Time) error {
	_, err := c.kept.exec(putOff, moment(until), id)
	return err
}

// A claim is a command that was claimed.
type claim struct {
	command verdict.Command
	since   int64 // when it was due at first
}

// ClaimDue implements verdict.Store. Where nothing is due it only reads, so an idle gateway doesn't write.
func (s *Store) ClaimDue(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
	due, err := read(ctx, s, value[int], anyDue, lane.Provider, lane.Kind, moment(now))
	if err != nil {
		return nil, fmt.Errorf("look for due commands: %w", err)
	}
	if len(due) == 0 || limit <= 0 {
		return nil, nil
	}
	claims, err := write(ctx, s.queue.Wait, func(c *commit) ([]claim, error) { return c.claim(lane, now, limit) })
	if err != nil {
		return nil, fmt.Errorf("claim due commands: %w", err)
	}
	commands := make([]verdict.Command, len(claims))
	for i := range claims {
		commands[i] = claims[i].command
	}
	return commands, nil
}

// claim returns claims longest due first, an order that RETURNING doesn't keep.
func (c *commit) claim(lane verdict.Lane, now time.Time, limit int) ([]claim, error) {
	claims, err := list(context.Background(), c.kept, scanClaim, claimDue,
		lane.Provider, lane.Kind, moment(now), limit, verdict.Lease, verdict.MaxClaim)
	slices.SortFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.command.Transaction, b.command.Transaction))
	})
	return claims, err
}

func scanClaim(rows row) (c claim, err error) {
	err = rows.Scan(&c.command.Kind, &c.command.Transaction, &c.command.Version, &c.command.Provider, &c.since)
	return c, err
}

// Unclaim implements verdict.Store.
func (s *Store) Unclaim(ctx context.Context, claimed []verdict.Command) error {
	_, err := write(ctx, s.queue.Wait, func(c *commit) (struct{}, error) { return struct{}{}, c.unclaim(claimed) })
	if err != nil {
		return fmt.Errorf("give claims back: %w", err)
	}
	return nil
}

func (c *commit) unclaim(claimed []verdict.Command) error {
	for _, command := range claimed {
		if _, err := c.kept.exec(unclaim, command.Transaction, command.Version); err != nil {
			return err
		}
	}
	return nil
}

// DueSince implements verdict.Store.
func (s *Store) DueSince(ctx context.Context, lane verdict.Lane, rank int) (time.Time, error) {
	since, err := orZero(read(ctx, s, value[moment], dueSince, lane.Provider, lane.Kind, rank))
	if err != nil {
		return time.Time{}, fmt.Errorf("read since when commands are due: %w", err)
	}
	return time.Time(since), nil
}

// Waiting implements verdict.Store.
func (s *Store) Waiting(ctx context.Context) ([]string, error) {
	names, err := read(ctx, s, value[string], waiting)
	if err != nil {
		return nil, fmt.Errorf("read whose commands wait: %w", err)
	}
	return names, nil
}
