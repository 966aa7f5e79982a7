package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/relational"
)

// replaceTransactions stores those whose version before stands, with numbers one after the other, their evidence and their commands,
// and makes conflicts of what is on record against a verdict. What never changes (scope, provider, payload, fingerprint,
// trace, creation) isn't written again.
const replaceTransactions = `WITH given AS (
		SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::bytea[], $7::bigint[], $8::bigint[],
			$9::boolean[], $10::boolean[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],
			$15::text[], $16::bytea[], $17::bigint[], $18::bigint[])
		WITH ORDINALITY AS g (id, version, status, stage, reason, reference, sends, checks, answered, watched,
			due, sent_at, checked_at, settled_at, kind, provider, since, claimed, n)
	), stands AS (
		SELECT g.*, t.tenant, t.owner, (SELECT event FROM meta) + row_number() OVER (ORDER BY g.n) AS event
		FROM given g JOIN transactions t ON t.id = g.id AND t.version = g.version - 1
	), replaced AS (
		UPDATE transactions t SET status = s.status, stage = s.stage, reason = s.reason, reference = s.reference,
			version = s.version, event_id = s.event, sends = s.sends, checks = s.checks, answered = s.answered, watched = s.watched,
			due = s.due, sent_at = s.sent_at, checked_at = s.checked_at, settled_at = s.settled_at
		FROM stands s WHERE t.id = s.id AND t.version = s.version - 1
	), kept AS (
		INSERT INTO evidence (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest)
		SELECT e.transaction_id, e.source, e.outcome, e.reason, e.reference, e.asked, e.at, e.wait, e.conflict, e.raw, e.digest
		FROM unnest($19::bytea[], $20::text[], $21::text[], $22::bytea[], $23::bytea[], $24::bigint[], $25::bigint[], $26::bigint[],
			$27::boolean[], $28::bytea[], $29::bytea[]) WITH ORDINALITY
			AS e (transaction_id, source, outcome, reason, reference, asked, at, wait, conflict, raw, digest, n)
		JOIN stands s ON s.id = e.transaction_id ORDER BY e.n ON CONFLICT DO NOTHING
	), contradicted AS (
		UPDATE evidence e SET conflict = true FROM stands s WHERE s.stage = 'settled' AND e.transaction_id = s.id
		AND e.outcome IN ('succeeded', 'failed') AND e.outcome <> s.status AND NOT e.conflict
	), put AS (
		INSERT INTO outbox (transaction_id, kind, version, provider, since, due)
		SELECT id, kind, version, provider, since, claimed FROM stands WHERE kind <> ''
		ON CONFLICT (transaction_id) DO UPDATE SET kind = excluded.kind, version = excluded.version,
			provider = excluded.provider, since = excluded.since, due = excluded.due
	), dropped AS (
		DELETE FROM outbox o USING stands s WHERE s.kind = '' AND o.transaction_id = s.id
	), numbered AS (
		UPDATE meta SET event = (SELECT max(event) FROM stands) WHERE EXISTS (SELECT FROM stands)
	)
	SELECT n, event, CASE stage WHEN 'settled' THEN coalesce(greatest(
		(SELECT max(settled_event) FROM transactions t WHERE t.tenant = s.tenant AND t.owner = s.owner AND settled_event IS NOT NULL),
		max(event) FILTER (WHERE stage = 'settled') OVER (PARTITION BY tenant, owner ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
	), 0) ELSE 0 END FROM stands s`

// A change is a transaction's next state.
type change struct {
	next   verdict.Transaction
	e      *verdict.Evidence
	result *[]verdict.Transaction // what was stored: nothing if another version stands there
}

// Replace implements verdict.Store.
func (s *Store) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	op := &operation{about: []any{next.ID}, size: size(next)}
	if e != nil {
		op.size += len(e.Raw)
		op.ask = func(c *commit) { c.askPace(next.ID, *e) }
	}
	stored, err := write(ctx, s.queue.Wait, op, func(c *commit, result *[]verdict.Transaction) {
		if e != nil && c.facts[next.ID].version == next.Version-1 {
			c.changePace(next.ID, *e)
		}
		c.changes = append(c.changes, change{next, e, result})
	})
	if err == nil && len(stored) == 0 {
		err = verdict.ErrStale
	}
	if err != nil {
		return verdict.Transaction{}, fmt.Errorf("replace transaction: %w", err)
	}
	return stored[0], nil
}

func (c *commit) queueChanges() {
	if len(c.changes) == 0 {
		return
	}
	given := column(c.changes, func(n change) verdict.Transaction { return n.next })
	steps := column(given, c.step)
	var found []finding
	for _, n := range c.changes {
		if n.e != nil {
			e := *n.e
			e.Conflict = e.Conflict || n.next.Contradicts(e)
			found = append(found, finding{id: n.next.ID, e: e})
		}
	}
	args := []any{
		column(given, func(t verdict.Transaction) word { return word(t.ID) }),
		column(given, func(t verdict.Transaction) int64 { return t.Version }),
		column(given, func(t verdict.Transaction) string { return string(t.Status) }),
		column(given, func(t verdict.Transaction) string { return string(t.Stage) }),
		column(given, func(t verdict.Transaction) word { return word(t.Reason) }),
		column(given, func(t verdict.Transaction) word { return word(t.Reference) }),
		column(given, func(t verdict.Transaction) int { return t.Sends }),
		column(given, func(t verdict.Transaction) int { return t.Checks }),
		column(given, func(t verdict.Transaction) bool { return t.Answered }),
		column(given, func(t verdict.Transaction) bool { return t.Watched }),
		column(given, func(t verdict.Transaction) moment { return moment(t.Due) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.SentAt) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.CheckedAt) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.SettledAt) }),
		kinds(steps), column(given, func(t verdict.Transaction) word { return word(t.Provider) }), sinces(steps), claims(steps),
	}
	c.query(replaceTransactions, func(rows pgx.Rows) error {
		var n int
		var event, follows int64
		err := rows.Scan(&n, &event, &follows)
		if err == nil {
			t := relational.AsRead(given[n-1])
			t.EventID, t.Follows = event, follows
			*c.changes[n-1].result = []verdict.Transaction{t}
		}
		return err
	}, append(args, columns(found)...)...)
}
