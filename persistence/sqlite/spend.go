package sqlite

import (
	"context"
	"fmt"
	"time"
)

const (
	spend = `INSERT INTO spent (name, until) VALUES (?, ?) ON CONFLICT DO NOTHING`

	// More than one goes for each that comes, so the table shrinks to those whose time has not passed.
	forgetSpent = `DELETE FROM spent WHERE name IN (SELECT name FROM spent WHERE until <= ? LIMIT +?)`

	// forgetLimit is how many names are forgotten with each that is spent.
	forgetLimit = 64
)

// Spend implements verdict.Store.
func (s *Store) Spend(ctx context.Context, name string, until time.Time) (first bool, err error) {
	first, err = write(ctx, s.queue.Shed, func(c *commit) (bool, error) { return c.spend(name, until) })
	if err != nil {
		return false, fmt.Errorf("spend a name: %w", err)
	}
	return first, nil
}

// spend goes by the time of the commit: a commit later on, of whichever process, finds a name spent or too late.
func (c *commit) spend(name string, until time.Time) (first bool, err error) {
	if !until.After(c.now) {
		return false, nil
	}
	if _, err := c.kept.exec(forgetSpent, moment(c.now), forgetLimit); err != nil {
		return false, err
	}
	added, err := c.kept.exec(spend, name, moment(until))
	return added == 1, err
}
