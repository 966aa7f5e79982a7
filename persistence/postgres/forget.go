package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
)

const (
	forget = `WITH given AS (SELECT * FROM unnest($1::bytea[], $2::bigint[]) AS g (id, pieces)),
		gone AS (
			DELETE FROM transactions t USING given g WHERE t.id = g.id AND t.stage = 'settled' AND NOT t.key_held
			AND g.pieces = (SELECT count(*) FROM evidence e WHERE e.transaction_id = t.id)
			AND NOT EXISTS (SELECT FROM evidence e WHERE e.transaction_id = t.id AND e.conflict)
			AND NOT EXISTS (SELECT FROM notices n WHERE n.transaction_id = t.id AND n.due IS NOT NULL)
			RETURNING t.id
		), dropped AS (
			DELETE FROM evidence e USING gone WHERE e.transaction_id = gone.id
		), untold AS (
			DELETE FROM notices n USING gone WHERE n.transaction_id = gone.id
		)
		SELECT count(*) FROM gone`

	stranded = `SELECT provider, transaction_id, body, at FROM parked p WHERE at < $1
		AND NOT EXISTS (SELECT FROM transactions t WHERE t.id = p.transaction_id) ORDER BY number LIMIT $2`
)

// Forget implements verdict.Forgetter.
func (s *Store) Forget(ctx context.Context, archived []verdict.Past) (int, error) {
	forgotten, err := write(ctx, s.queue.Wait, &operation{}, func(c *commit, forgotten *int) {
		c.query(forget, func(rows pgx.Rows) error { return rows.Scan(forgotten) },
			column(archived, func(p verdict.Past) word { return word(p.Transaction.ID) }),
			column(archived, func(p verdict.Past) int64 { return int64(len(p.Evidence)) }))
	})
	if err != nil {
		return 0, fmt.Errorf("forget transactions: %w", err)
	}
	return forgotten, nil
}

// Stranded implements verdict.Forgetter.
func (s *Store) Stranded(ctx context.Context, before time.Time, limit int) ([]verdict.Webhook, error) {
	found, err := read(ctx, s, scanWebhook, stranded, moment(before), max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("read stranded webhooks: %w", err)
	}
	return found, nil
}
