package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// More than one goes for each that comes, so the table shrinks to those whose time has not long passed.
	forgetSpent = `DELETE FROM spent WHERE name IN (SELECT name FROM spent WHERE until <= $1 ORDER BY until LIMIT $2)`

	spend = `INSERT INTO spent (name, until) SELECT * FROM unnest($1::bytea[], $2::bigint[]) ON CONFLICT DO NOTHING RETURNING name`

	// forgetLimit is how many names are forgotten with each that is spent.
	forgetLimit = 64

	// clocks is by how much the clocks of instances may differ: so long a name is known after its time. An instance whose
	// clock is behind would else take a name for new that another has forgotten.
	clocks = time.Hour
)

// A spending is a name that is to be spent.
type spending struct {
	name  string
	until time.Time
	first *bool
}

// Spend implements verdict.Store.
func (s *Store) Spend(ctx context.Context, name string, until time.Time) (first bool, err error) {
	first, err = write(ctx, s.queue.Shed, &operation{about: []any{word(name)}}, func(c *commit, first *bool) {
		if until.After(c.now) {
			c.spendings = append(c.spendings, spending{name, until, first})
		}
	})
	if err != nil {
		return false, fmt.Errorf("spend a name: %w", err)
	}
	return first, nil
}

func (c *commit) queueSpendings() {
	if len(c.spendings) == 0 {
		return
	}
	firsts := map[word]*bool{}
	for _, s := range c.spendings {
		firsts[word(s.name)] = s.first
	}
	c.exec(forgetSpent, moment(c.now.Add(-clocks)), forgetLimit*len(c.spendings))
	c.query(spend, func(rows pgx.Rows) error {
		var name word
		err := rows.Scan(&name)
		if err == nil {
			*firsts[name] = true
		}
		return err
	}, column(c.spendings, func(s spending) word { return word(s.name) }),
		column(c.spendings, func(s spending) moment { return moment(s.until) }))
}
