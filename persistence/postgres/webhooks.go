package postgres

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict"
)

const (
	park = `INSERT INTO parked (transaction_id, provider, digest, body, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`

	// The few that wait are each looked up among the transactions, and not the other way round.
	parked = `SELECT provider, transaction_id, body, at FROM parked p
		WHERE EXISTS (SELECT FROM transactions t WHERE t.id = p.transaction_id) ORDER BY number LIMIT $1`

	unpark = `DELETE FROM parked WHERE transaction_id = $1 AND provider = $2 AND digest = $3`
)

// Park implements verdict.Store.
func (s *Store) Park(ctx context.Context, w verdict.Webhook) error {
	digest := sha256.Sum256(w.Body)
	if err := s.change(ctx, len(w.Body), park, word(w.Transaction), word(w.Provider), digest[:], w.Body, moment(w.At)); err != nil {
		return fmt.Errorf("park webhook: %w", err)
	}
	return nil
}

// Parked implements verdict.Store.
func (s *Store) Parked(ctx context.Context, limit int) ([]verdict.Webhook, error) {
	found, err := read(ctx, s, scanWebhook, parked, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read parked webhooks: %w", err)
	}
	return found, nil
}

// Unpark implements verdict.Store.
func (s *Store) Unpark(ctx context.Context, w verdict.Webhook) error {
	digest := sha256.Sum256(w.Body)
	if err := s.change(ctx, 0, unpark, word(w.Transaction), word(w.Provider), digest[:]); err != nil {
		return fmt.Errorf("unpark webhook: %w", err)
	}
	return nil
}

// change has a writer run a statement that sends so many bytes.
func (s *Store) change(ctx context.Context, size int, query string, args ...any) error {
	_, err := write(ctx, s.queue.Wait, &operation{size: size}, func(c *commit, _ *struct{}) { c.exec(query, args...) })
	return err
}

func scanWebhook(row pgx.CollectableRow) (w verdict.Webhook, err error) {
	err = row.Scan((*word)(&w.Provider), (*word)(&w.Transaction), &w.Body, (*moment)(&w.At))
	return w, err
}
