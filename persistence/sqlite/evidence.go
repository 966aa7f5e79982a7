package sqlite

import (
	"context"
	"fmt"

	"verdict"
	"verdict/persistence/relational"
)

const (
	insertEvidence = `INSERT INTO evidence (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest)
		SELECT id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM transactions WHERE id = ? ON CONFLICT DO NOTHING`

	contradict = `UPDATE evidence SET conflict = 1
		WHERE transaction_id = ? AND outcome IN ('succeeded', 'failed') AND outcome <> ?`

	known = `SELECT 1 FROM transactions WHERE id = ?`

	history = `SELECT source, outcome, reason, reference, asked, at, wait, conflict, raw FROM evidence
		WHERE transaction_id = +? ORDER BY number`
)

// Record implements verdict.Store. It returns verdict.ErrNotFound if there is no such transaction.
func (s *Store) Record(ctx context.Context, id string, e verdict.Evidence) error {
	recorded, err := write(ctx, s.queue.Wait, func(c *commit) (bool, error) { return c.record(id, e) })
	if err == nil && !recorded {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	return nil
}

// record reports whether there is such a transaction. What isn't kept again doesn't change the pace again.
func (c *commit) record(id string, e verdict.Evidence) (bool, error) {
	changed, err := c.kept.exec(insertEvidence, e.Source, e.Outcome, e.Reason, e.Reference,
		moment(e.Asked), moment(e.At), e.Wait, e.Conflict, e.Raw, relational.Digest(e), id)
	if err != nil {
		return false, err
	}
	if changed == 1 {
		return true, c.changePace(id, e)
	}
	found, err := list(context.Background(), c.kept, value[int], known, id)
	return len(found) == 1, err
}

// contradict makes conflicts of what is on record against a verdict.
func (c *commit) contradict(t verdict.Transaction) error {
	_, err := c.kept.exec(contradict, t.ID, t.Status)
	return err
}

// History implements verdict.Store.
func (s *Store) History(ctx context.Context, id string) ([]verdict.Evidence, error) {
	found, err := read(ctx, s, scanEvidence, history, id)
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return found, nil
}

func scanEvidence(rows row) (e verdict.Evidence, err error) {
	err = rows.Scan(&e.Source, &e.Outcome, &e.Reason, &e.Reference,
		(*moment)(&e.Asked), (*moment)(&e.At), &e.Wait, &e.Conflict, &e.Raw)
	return e, err
}
