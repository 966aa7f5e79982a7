package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict"
)

const (
	inReview = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE review_event > $1 ORDER BY review_event LIMIT $2`

	// Whatever is neither settled nor for review has a command.
	withCommand = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE id IN (SELECT transaction_id FROM outbox) AND event_id > $1 AND stage = $3 ORDER BY event_id LIMIT $2`

	conflicts = `SELECT e.number, ` + evidenceColumns + `, t.* FROM evidence e
		CROSS JOIN LATERAL (SELECT ` + transactionColumns + ` FROM transactions WHERE id = e.transaction_id) AS t
		WHERE e.conflict AND e.number > $1 ORDER BY e.number LIMIT $2`
)

// InStage implements verdict.Store.
func (s *Store) InStage(ctx context.Context, stage verdict.Stage, after int64, limit int) ([]verdict.Transaction, error) {
	query, args := withCommand, []any{after, max(limit, 0), string(stage)}
	switch stage {
	case verdict.StageSettled:
		query, args = settled, args[:2]
	case verdict.StageReview:
		query, args = inReview, args[:2]
	}
	found, err := read(ctx, s, scanTransaction, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read transactions by stage: %w", err)
	}
	return found, nil
}

// Conflicts implements verdict.Store.
func (s *Store) Conflicts(ctx context.Context, after int64, limit int) ([]verdict.Conflict, error) {
	found, err := read(ctx, s, scanConflict, conflicts, after, max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	return found, nil
}

func scanConflict(row pgx.CollectableRow) (c verdict.Conflict, err error) {
	err = row.Scan(append(append([]any{&c.Number}, parts(&c.Evidence)...), targets(&c.Transaction)...)...)
	return c, err
}
