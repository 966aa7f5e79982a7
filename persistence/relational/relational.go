// Package relational is what the stores on relational databases share: the versions of a schema, the queue of what is
// committed together, and how what was written reads back. It knows none of the databases.
package relational

import (
	"crypto/sha256"
	"time"

	"verdict"
)

// Plain returns t as it will be read back: in UTC, without the monotonic clock.
func Plain(t time.Time) time.Time { return t.Round(0).UTC() }

// AsRead returns t as a read returns it after a change. No change comes after the verdict, and every delivery does.
func AsRead(t verdict.Transaction) verdict.Transaction {
	t.Due, t.CreatedAt, t.SentAt = Plain(t.Due), Plain(t.CreatedAt), Plain(t.SentAt)
	t.CheckedAt, t.SettledAt = Plain(t.CheckedAt), Plain(t.SettledAt)
	t.ToldAt, t.ConfirmedAt = time.Time{}, time.Time{}
	return t
}

// Digest tells a webhook that came before. Other evidence has none: it is kept however often it comes.
func Digest(e verdict.Evidence) []byte {
	if e.Source != verdict.SourceWebhook {
		return nil
	}
	sum := sha256.Sum256(e.Raw)
	return sum[:]
}
