package sqlite

import (
	"context"
	"crypto/sha256"
	"fmt"

	"verdict"
)

const (
	park = `INSERT INTO parked (transaction_id, provider, digest, body, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

	// The few that wait are each looked up among the transactions, and not the other way round.
	parked = `SELECT provider, transaction_id, body, at FROM parked
		WHERE EXISTS (SELECT 1 FROM transactions WHERE id = parked.transaction_id) ORDER BY number LIMIT +?`

	unpark = `DELETE FROM parked WHERE transaction_id = ? AND provider = ? AND digest = ?`
)

// Park implements verdict.Store.
func (s *Store) Park(ctx context.Context, w verdict.Webhook) error {
	digest := sha256.Sum256(w.Body)
	if err := s.change(ctx, park, w.Transaction, w.Provider, digest[:], w.Body, moment(w.At)); err != nil {
		return fmt.Errorf("park webhook: %w", err)
	}
	return nil
}

// Parked implements verdict.Store.
func (s *Store) Parked(ctx context.Context, limit int) ([]verdict.Webhook, error) {
	found, err := read(ctx, s, scanWebhook, parked, max(limit, 0)) // SQLite takes a negative limit for none
	if err != nil {
		return nil, fmt.Errorf("read parked webhooks: %w", err)
	}
	return found, nil
}

// Unpark implements verdict.Store.
func (s *Store) Unpark(ctx context.Context, w verdict.Webhook) error {
	digest := sha256.Sum256(w.Body)
	if err := s.change(ctx, unpark, w.Transaction, w.Provider, digest[:]); err != nil {
		return fmt.Errorf("unpark webhook: %w", err)
	}
	return nil
}

func (s *Store) change(ctx context.Context, query string, args ...any) error {
	_, err := write(ctx, s.queue.Wait, func(c *commit) (int64, error) { return c.kept.exec(query, args...) })
	return err
}

func scanWebhook(rows row) (w verdict.Webhook, err error) {
	err = rows.Scan(&w.Provider, &w.Transaction, &w.Body, (*moment)(&w.At))
	return w, err
}
