package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/relational"
)

const (
	record = `WITH given AS (
			SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[],
				$9::boolean[], $10::bytea[], $11::bytea[]) WITH ORDINALITY
				AS g (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest, n)
			WHERE EXISTS (SELECT FROM transactions t WHERE t.id = g.transaction_id)
		), kept AS (
			INSERT INTO evidence (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest)
			SELECT transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest FROM given ORDER BY n
			ON CONFLICT DO NOTHING
		)
		SELECT n FROM given`

	evidenceColumns = `e.source, e.outcome, e.reason, e.reference, e.asked, e.at, e.wait, e.conflict, e.raw`

	history = `SELECT ` + evidenceColumns + ` FROM evidence e WHERE transaction_id = $1 ORDER BY number`
)

// A finding is evidence that is to be recorded.
type finding struct {
	id    string // of the transaction
	e     verdict.Evidence
	known *bool // set if there is such a transaction
}

// Record implements verdict.Store. It returns verdict.ErrNotFound if there is no such transaction.
func (s *Store) Record(ctx context.Context, id string, e verdict.Evidence) error {
	op := &operation{about: []any{id}, size: len(e.Raw), ask: func(c *commit) { c.askPace(id, e) }}
	recorded, err := write(ctx, s.queue.Wait, op, func(c *commit, known *bool) {
		c.changePace(id, e)
		c.findings = append(c.findings, finding{id, e, known})
	})
	if err == nil && !recorded {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("record evidence: %w", err)
	}
	return nil
}

func (c *commit) queueFindings() {
	if len(c.findings) == 0 {
		return
	}
	c.query(record, func(rows pgx.Rows) error {
		var n int
		err := rows.Scan(&n)
		if err == nil {
			*c.findings[n-1].known = true
		}
		return err
	}, columns(c.findings)...)
}

// columns are the arrays of findings.
func columns(found []finding) []any {
	return []any{
		column(found, func(f finding) word { return word(f.id) }),
		column(found, func(f finding) string { return string(f.e.Source) }),
		column(found, func(f finding) string { return string(f.e.Outcome) }),
		column(found, func(f finding) word { return word(f.e.Reason) }),
		column(found, func(f finding) word { return word(f.e.Reference) }),
		column(found, func(f finding) moment { return moment(f.e.Asked) }),
		column(found, func(f finding) moment { return moment(f.e.At) }),
		column(found, func(f finding) int64 { return int64(f.e.Wait) }),
		column(found, func(f finding) bool { return f.e.Conflict }),
		column(found, func(f finding) []byte { return f.e.Raw }),
		column(found, func(f finding) []byte { return relational.Digest(f.e) }),
	}
}

// History implements verdict.Store.
func (s *Store) History(ctx context.Context, id string) ([]verdict.Evidence, error) {
	found, err := read(ctx, s, scanEvidence, history, word(id))
	if err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	return found, nil
}

func scanEvidence(row pgx.CollectableRow) (e verdict.Evidence, err error) {
	err = row.Scan(parts(&e)...)
	return e, err
}

// parts are where evidenceColumns are scanned to.
func parts(e *verdict.Evidence) []any {
	return []any{
		&e.Source, &e.Outcome, (*word)(&e.Reason), (*word)(&e.Reference),
		(*moment)(&e.Asked), (*moment)(&e.At), (*int64)(&e.Wait), &e.Conflict, &e.Raw,
	}
}
