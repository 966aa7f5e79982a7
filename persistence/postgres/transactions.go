package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict"
)

const transactionColumns = `id, tenant, owner, operation, key, provider, status, stage, reason, reference,
	version, event_id, sends, checks, answered, watched, due, created_at, sent_at, checked_at, settled_at, fingerprint, payload,
	coalesce(trace, ''), told_at, confirmed_at`

const (
	byID    = `SELECT ` + transactionColumns + ` FROM transactions WHERE id = $1`
	byScope = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE tenant = $1 AND owner = $2 AND operation = $3 AND key = $4 AND key_held`

	settled = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE settled_event > $1 ORDER BY settled_event LIMIT $2`
	settledOfAudience = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE tenant = $1 AND owner = $2 AND settled_event > $3 ORDER BY settled_event LIMIT $4`
)

// Transaction implements verdict.Store.
func (s *Store) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	return s.one(ctx, byID, word(id))
}

// Find implements verdict.Store.
func (s *Store) Find(ctx context.Context, scope verdict.Scope) (verdict.Transaction, error) {
	return s.one(ctx, byScope, word(scope.Tenant), word(scope.Owner), word(scope.Operation), word(scope.Key))
}

func (s *Store) one(ctx context.Context, query string, args ...any) (verdict.Transaction, error) {
	t, err := first(read(ctx, s, scanTransaction, query, args...))
	if errors.Is(err, pgx.ErrNoRows) {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return verdict.Transaction{}, fmt.Errorf("read transaction: %w", err)
	}
	return t, nil
}

// Settled implements verdict.Store.
func (s *Store) Settled(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	query, args := settled, []any{after, max(limit, 0)}
	if a != nil {
		query, args = settledOfAudience, []any{word(a.Tenant), word(a.Owner), after, max(limit, 0)}
	}
	found, err := read(ctx, s, scanTransaction, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read settled transactions: %w", err)
	}
	return found, nil
}

// size is how much of a transaction is sent at the most, but for a few hundred bytes.
func size(t verdict.Transaction) int { return len(t.Payload) + len(t.Reason) }

func scanTransaction(row pgx.CollectableRow) (t verdict.Transaction, err error) {
	err = row.Scan(targets(&t)...)
	return t, err
}

// targets are where transactionColumns are scanned to.
func targets(t *verdict.Transaction) []any {
	return []any{
		(*word)(&t.ID), (*word)(&t.Tenant), (*word)(&t.Owner), (*word)(&t.Operation), (*word)(&t.Key), (*word)(&t.Provider),
		&t.Status, &t.Stage, (*word)(&t.Reason), (*word)(&t.Reference), &t.Version, &t.EventID, &t.Sends, &t.Checks,
		&t.Answered, &t.Watched, (*moment)(&t.Due), (*moment)(&t.CreatedAt), (*moment)(&t.SentAt), (*moment)(&t.CheckedAt),
		(*moment)(&t.SettledAt), (*fingerprint)(&t.Fingerprint), &t.Payload, &t.Trace,
		(*moment)(&t.ToldAt), (*moment)(&t.ConfirmedAt),
	}
}

// A fingerprint is a hash as a column holds it.
type fingerprint [32]byte

// ScanBytes sets f to what the column holds.
func (f *fingerprint) ScanBytes(column []byte) error {
	copy(f[:], column)
	return nil
}
