package sqlite

import (
	"context"
	"fmt"
	"time"

	"verdict"
)

const (
	forget = `DELETE FROM transactions WHERE id = ?1 AND stage = 'settled' AND key_held = 0
		AND ?2 = (SELECT count(*) FROM evidence WHERE transaction_id = ?1)
		AND NOT EXISTS (SELECT 1 FROM evidence WHERE transaction_id = ?1 AND conflict = 1)
		AND NOT EXISTS (SELECT 1 FROM notices WHERE transaction_id = ?1 AND due IS NOT NULL)`

	forgetEvidence = `DELETE FROM evidence WHERE transaction_id = ?`
	forgetNotices  = `DELETE FROM notices WHERE transaction_id = ?`

	stranded = `SELECT provider, transaction_id, body, at FROM parked WHERE at < ?
		AND NOT EXISTS (SELECT 1 FROM transactions WHERE id = parked.transaction_id) ORDER BY number LIMIT +?`
)

// Forget implements verdict.Forgetter. The file doesn't shrink: what comes next takes the room.
func (s *Store) Forget(ctx context.Context, archived []verdict.Past) (int, error) {
	forgotten, err := write(ctx, s.queue.Wait, func(c *commit) (int, error) { return c.forget(archived) })
	if err != nil {
		return 0, fmt.Errorf("forget transactions: %w", err)
	}
	return forgotten, nil
}

func (c *commit) forget(archived []verdict.Past) (forgotten int, err error) {
	for _, past := range archived {
		changed, err := c.kept.exec(forget, past.Transaction.ID, len(past.Evidence))
		if err != nil {
			return 0, err
		}
		if changed == 0 {
			continue
		}
		forgotten++
		for _, rest := range []string{forgetEvidence, forgetNotices} {
			if _, err := c.kept.exec(rest, past.Transaction.ID); err != nil {
				return 0, err
			}
		}
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
