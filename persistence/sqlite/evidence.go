package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"verdict"
)

const (
	insertEvidence = `INSERT INTO evidence (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw)
		SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM transactions WHERE id = ?`

	history = `SELECT source, outcome, reason, reference, asked, at, wait, conflict, raw FROM evidence
		WHERE transaction_id = ? ORDER BY number`
)

// Record implements verdict.Store. It returns verdict.ErrNotFound if there is no such transaction.
func (s *Store) Record(ctx context.Context, id string, e verdict.Evidence) error {
	recorded, err := write(ctx, s, wait, func(c *commit) (bool, error) { return c.record(id, e) })
	if err == nil && !recorded {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	return nil
}

// record reports whether there is such a transaction.
func (c *commit) record(id string, e verdict.Evidence) (bool, error) {
	changed, err := c.kept.exec(insertEvidence, e.Source, e.Outcome, e.Reason, e.Reference,
		moment(e.Asked), moment(e.At), e.Wait, e.Conflict, e.Raw, id)
	return changed == 1, err
}

// History implements verdict.Store.
func (s *Store) History(ctx context.Context, id string) ([]verdict.Evidence, error) {
	found, err := read(ctx, s, scanEvidence, history, id)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return found, nil
}

func scanEvidence(rows *sql.Rows) (e verdict.Evidence, err error) {
	err = rows.Scan(&e.Source, &e.Outcome, &e.Reason, &e.Reference,
		(*moment)(&e.Asked), (*moment)(&e.At), &e.Wait, &e.Conflict, &e.Raw)
	return e, err
}
