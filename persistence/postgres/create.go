package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/relational"
)

const (
	// standing finds what takes the scopes of creations.
	standing = `SELECT g.n, ` + transactionColumns + `
		FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[]) WITH ORDINALITY AS g (tenant, owner, operation, key, n)
		JOIN transactions USING (tenant, owner, operation, key) WHERE key_held`

	// insertTransactions stores those whose scope and id are free, with numbers one after the other, and their commands.
	insertTransactions = `WITH given AS (
			SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[], $8::text[],
				$9::bytea[], $10::bytea[], $11::bigint[], $12::bigint[], $13::boolean[], $14::boolean[], $15::bigint[], $16::bigint[],
				$17::bigint[], $18::bigint[], $19::bigint[], $20::bytea[], $21::bytea[], $22::text[], $23::text[], $24::bigint[], $25::bigint[])
			WITH ORDINALITY AS g (id, tenant, owner, operation, key, provider, status, stage, reason, reference, sends, checks,
				answered, watched, due, created_at, sent_at, checked_at, settled_at, fingerprint, payload, trace, kind, since, claimed, n)
		), free AS (
			SELECT *, (SELECT event FROM meta) + row_number() OVER (ORDER BY n) AS event FROM given g
			WHERE NOT EXISTS (SELECT FROM transactions t WHERE t.id = g.id)
			AND NOT EXISTS (SELECT FROM transactions t WHERE t.tenant = g.tenant AND t.owner = g.owner
				AND t.operation = g.operation AND t.key = g.key AND t.key_held)
		), created AS (
			INSERT INTO transactions (id, tenant, owner, operation, key, provider, status, stage, reason, reference, version, event_id,
				sends, checks, answered, watched, due, created_at, sent_at, checked_at, settled_at, fingerprint, payload, trace)
			SELECT id, tenant, owner, operation, key, provider, status, stage, reason, reference, 1, event,
				sends, checks, answered, watched, due, created_at, sent_at, checked_at, settled_at, fingerprint, payload, nullif(trace, '') FROM free
		), put AS (
			INSERT INTO outbox (transaction_id, kind, version, provider, since, due)
			SELECT id, kind, 1, provider, since, claimed FROM free WHERE kind <> ''
		), numbered AS (
			UPDATE meta SET event = (SELECT max(event) FROM free) WHERE EXISTS (SELECT FROM free)
		)
		SELECT n, event FROM free`
)

// errIDTaken: the id of a new transaction belongs to one of another scope, which new UUIDs never do.
var errIDTaken = errors.New("the id belongs to a transaction of another scope")

// created is what came of an attempt to create a transaction.
type created struct {
	standing verdict.Transaction // the one of that scope; none if only the id was taken
	known    bool
	isNew    bool
}

// A creation is a transaction that is to be created.
type creation struct {
	given  verdict.Transaction
	result *created
}

// Create implements verdict.Store.
func (s *Store) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	t.Version = 1
	op := &operation{about: []any{t.ID, t.Scope}, size: size(t)}
	found, err := write(ctx, s.queue.Shed, op, func(c *commit, result *created) {
		c.creations = append(c.creations, creation{t, result})
	})
	if err == nil && !found.known {
		err = errIDTaken
	}
	if err != nil {
		return verdict.Transaction{}, false, fmt.Errorf("create transaction: %w", err)
	}
	return found.standing, found.isNew, nil
}

func (c *commit) queueCreations() {
	if len(c.creations) == 0 {
		return
	}
	given := column(c.creations, func(n creation) verdict.Transaction { return n.given })
	words := func(of func(verdict.Transaction) string) []word {
		return column(given, func(t verdict.Transaction) word { return word(of(t)) })
	}
	tenants := words(func(t verdict.Transaction) string { return t.Tenant })
	owners := words(func(t verdict.Transaction) string { return t.Owner })
	operations := words(func(t verdict.Transaction) string { return t.Operation })
	keys := words(func(t verdict.Transaction) string { return t.Key })
	steps := column(given, c.step)

	c.query(standing, func(rows pgx.Rows) error {
		var n int
		var t verdict.Transaction
		err := rows.Scan(append([]any{&n}, targets(&t)...)...)
		if err == nil {
			*c.creations[n-1].result = created{standing: t, known: true}
		}
		return err
	}, tenants, owners, operations, keys)

	c.query(insertTransactions, func(rows pgx.Rows) error {
		var n int
		var event int64
		err := rows.Scan(&n, &event)
		if err == nil {
			t := relational.AsRead(given[n-1])
			t.EventID = event
			*c.creations[n-1].result = created{standing: t, known: true, isNew: true}
		}
		return err
	},
		words(func(t verdict.Transaction) string { return t.ID }), tenants, owners, operations, keys,
		words(func(t verdict.Transaction) string { return t.Provider }),
		column(given, func(t verdict.Transaction) string { return string(t.Status) }),
		column(given, func(t verdict.Transaction) string { return string(t.Stage) }),
		words(func(t verdict.Transaction) string { return t.Reason }),
		words(func(t verdict.Transaction) string { return t.Reference }),
		column(given, func(t verdict.Transaction) int { return t.Sends }),
		column(given, func(t verdict.Transaction) int { return t.Checks }),
		column(given, func(t verdict.Transaction) bool { return t.Answered }),
		column(given, func(t verdict.Transaction) bool { return t.Watched }),
		column(given, func(t verdict.Transaction) moment { return moment(t.Due) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.CreatedAt) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.SentAt) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.CheckedAt) }),
		column(given, func(t verdict.Transaction) moment { return moment(t.SettledAt) }),
		column(given, func(t verdict.Transaction) []byte { return t.Fingerprint[:] }),
		column(given, func(t verdict.Transaction) []byte { return t.Payload }),
		column(given, func(t verdict.Transaction) string { return t.Trace }),
		kinds(steps), sinces(steps), claims(steps),
	)
}
