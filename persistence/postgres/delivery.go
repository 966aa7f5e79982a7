package postgres

import (
	"context"
	"fmt"
	"time"

	"verdict"
)

const (
	// An app is told again whenever it comes back, which writes nothing. That it was told leaves the index unconfirmed.
	deliver = `UPDATE transactions t SET told_at = coalesce(t.told_at, g.told), confirmed_at = coalesce(t.confirmed_at, g.confirmed)
		FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) AS g (id, told, confirmed)
		WHERE t.id = g.id AND t.stage = 'settled'
		AND (t.told_at IS NULL AND g.told IS NOT NULL OR t.confirmed_at IS NULL AND g.confirmed IS NOT NULL)`

	unconfirmed = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE confirmed_at IS NULL AND tenant = $1 AND owner = $2 AND settled_event > $3 AND settled_event <= $4
		ORDER BY settled_event LIMIT $5`
)

// Deliver implements verdict.Store.
func (s *Store) Deliver(ctx context.Context, deliveries []verdict.Delivery) error {
	deliveries = firsts(deliveries)
	_, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, _ *struct{}) {
		c.exec(deliver,
			column(deliveries, func(d verdict.Delivery) word { return word(d.Transaction) }),
			column(deliveries, func(d verdict.Delivery) moment { return moment(d.Told) }),
			column(deliveries, func(d verdict.Delivery) moment { return moment(d.Confirmed) }))
	})
	if err != nil {
		return fmt.Errorf("note what apps were told: %w", err)
	}
	return nil
}

// firsts returns one delivery of each transaction, with the first times: a statement changes a row once.
func firsts(deliveries []verdict.Delivery) []verdict.Delivery {
	var merged []verdict.Delivery
	at := map[string]int{}
	for _, d := range deliveries {
		i, known := at[d.Transaction]
		if !known {
			at[d.Transaction] = len(merged)
			merged = append(merged, d)
			continue
		}
		merged[i].Told, merged[i].Confirmed = orThen(merged[i].Told, d.Told), orThen(merged[i].Confirmed, d.Confirmed)
	}
	return merged
}

func orThen(first, then time.Time) time.Time {
	if first.IsZero() {
		return then
	}
	return first
}

// Unconfirmed implements verdict.Store.
func (s *Store) Unconfirmed(ctx context.Context, a verdict.Audience, after, until int64, limit int) ([]verdict.Transaction, error) {
	found, err := read(ctx, s, scanTransaction, unconfirmed, word(a.Tenant), word(a.Owner), after, until, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read unconfirmed transactions: %w", err)
	}
	return found, nil
}
