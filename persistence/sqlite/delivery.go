package sqlite

import (
	"context"
	"fmt"
	"time"

	"verdict"
)

const (
	// An app is told again whenever it comes back, which writes nothing. That it was told leaves the index unconfirmed.
	tell    = `UPDATE transactions SET told_at = ? WHERE id = ? AND stage = 'settled' AND told_at IS NULL`
	confirm = `UPDATE transactions SET confirmed_at = ? WHERE id = ? AND stage = 'settled' AND confirmed_at IS NULL`

	unconfirmed = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE stage = 'settled' AND confirmed_at IS NULL AND tenant = +? AND owner = +? AND event_id > ? AND event_id <= ?
		ORDER BY event_id LIMIT +?`
)

// Deliver implements verdict.Store.
func (s *Store) Deliver(ctx context.Context, deliveries []verdict.Delivery) error {
	_, err := write(ctx, s.queue.Wait, func(c *commit) (struct{}, error) { return struct{}{}, c.deliver(deliveries) })
	if err != nil {
		return fmt.Errorf("note what apps were told: %w", err)
	}
	return nil
}

func (c *commit) deliver(deliveries []verdict.Delivery) error {
	for _, d := range deliveries {
		if err := c.note(tell, d.Told, d.Transaction); err != nil {
			return err
		}
		if err := c.note(confirm, d.Confirmed, d.Transaction); err != nil {
			return err
		}
	}
	return nil
}

func (c *commit) note(query string, at time.Time, id string) error {
	if at.IsZero() {
		return nil
	}
	_, err := c.kept.exec(query, moment(at), id)
	return err
}

// Unconfirmed implements verdict.Store.
func (s *Store) Unconfirmed(ctx context.Context, a verdict.Audience, after, until int64, limit int) ([]verdict.Transaction, error) {
	found, err := read(ctx, s, scanTransaction, unconfirmed, a.Tenant, a.Owner, after, until, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read unconfirmed transactions: %w", err)
	}
	return found, nil
}
