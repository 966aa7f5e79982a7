package sqlite

import (
	"context"
	"fmt"

	"verdict"
)

const (
	inReview = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE stage = 'review' AND event_id > ? ORDER BY event_id LIMIT +?`

	// Whatever is neither settled nor for review has a command.
	withCommand = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE id IN (SELECT transaction_id FROM outbox) AND stage = +? AND event_id > ? ORDER BY event_id LIMIT +?`

	conflicts = `SELECT e.number, e.source, e.outcome, e.reason, e.reference, e.asked, e.at, e.wait, e.conflict, e.raw, e.transaction_id
		FROM evidence e WHERE e.conflict = 1 AND e.number > ? ORDER BY e.number LIMIT +?`
)

// InStage implements verdict.Store.
func (s *Store) InStage(ctx context.Context, stage verdict.Stage, after int64, limit int) ([]verdict.Transaction, error) {
	query, args := withCommand, []any{stage, after, max(limit, 0)}
	switch stage {
	case verdict.StageSettled:
		query, args = settled, args[1:]
	case verdict.StageReview:
		query, args = inReview, args[1:]
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
	for i := range found {
		if err == nil {
			found[i].Transaction, err = s.Transaction(ctx, found[i].Transaction.ID)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read conflicts: %w", err)
	}
	return found, nil
}

func scanConflict(rows row) (c verdict.Conflict, err error) {
	e := &c.Evidence
	err = rows.Scan(&c.Number, &e.Source, &e.Outcome, &e.Reason, &e.Reference,
		(*moment)(&e.Asked), (*moment)(&e.At), &e.Wait, &e.Conflict, &e.Raw, &c.Transaction.ID)
	return c, err
}
