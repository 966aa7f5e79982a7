package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"verdict"
	"verdict/persistence/relational"
)

const (
	stateColumns = `id, tenant, owner, operation, key, provider, status, stage, reason, reference,
	version, event_id, sends, checks, answered, watched, due, created_at, sent_at, checked_at, settled_at, fingerprint, payload`

	transactionColumns = stateColumns + `, coalesce(trace, ''), told_at, confirmed_at` // the last two Deliver alone writes
)

const (
	insertTransaction = `INSERT INTO transactions (` + stateColumns + `, trace)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, '')) ON CONFLICT DO NOTHING`

	// What never changes (scope, provider, payload, fingerprint, trace, creation) isn't written again.
	replaceTransaction = `UPDATE transactions SET status = ?, stage = ?, reason = ?, reference = ?, version = ?, event_id = ?,
		sends = ?, checks = ?, answered = ?, watched = ?, due = ?, sent_at = ?, checked_at = ?, settled_at = ?
		WHERE id = ? AND version = ?`

	verdictBefore = `SELECT event_id FROM transactions
		WHERE stage = 'settled' AND tenant = +? AND owner = +? AND event_id < ? ORDER BY event_id DESC LIMIT 1`

	byID    = `SELECT ` + transactionColumns + ` FROM transactions WHERE id = ?`
	byScope = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE tenant = ? AND owner = ? AND operation = ? AND key = ? AND key_held = 1`

	// These and verdictBefore name the stage as a literal, and byScope that the key is held, so that the partial indexes serve them.
	settled = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE stage = 'settled' AND event_id > ? ORDER BY event_id LIMIT +?`
	settledOfAudience = `SELECT ` + transactionColumns + ` FROM transactions
		WHERE stage = 'settled' AND tenant = +? AND owner = +? AND event_id > ? ORDER BY event_id LIMIT +?`
)

// errIDTaken: the id of a new transaction belongs to one of another scope, which new UUIDs never do.
var errIDTaken = errors.New("the id belongs to a transaction of another scope")

// created is what came of an attempt to create a transaction.
type created struct {
	standing []verdict.Transaction // the one of that scope; none if only the id was taken
	isNew    bool
}

// Create implements verdict.Store.
func (s *Store) Create(ctx context.Context, t verdict.Transaction) (verdict.Transaction, bool, error) {
	t.Version = 1
	found, err := write(ctx, s.queue.Shed, func(c *commit) (created, error) { return c.create(t) })
	if err == nil && len(found.standing) == 0 {
		err = errIDTaken
	}
	if err != nil {
		return verdict.Transaction{}, false, fmt.Errorf("create transaction: %w", err)
	}
	return found.standing[0], found.isNew, nil
}

func (c *commit) create(t verdict.Transaction) (created, error) {
	t.EventID = c.event + 1
	fingerprint := t.Fingerprint // as a slice it goes to the heap, and t with it if it were t's
	changed, err := c.kept.exec(insertTransaction,
		t.ID, t.Tenant, t.Owner, t.Operation, t.Key, t.Provider, t.Status, t.Stage, t.Reason, t.Reference,
		t.Version, t.EventID, t.Sends, t.Checks, t.Answered, t.Watched,
		moment(t.Due), moment(t.CreatedAt), moment(t.SentAt), moment(t.CheckedAt), moment(t.SettledAt), fingerprint[:], t.Payload,
		t.Trace)
	if err != nil {
		return created{}, err
	}
	if changed == 1 {
		c.event++
		return created{standing: []verdict.Transaction{relational.AsRead(t)}, isNew: true}, c.putCommand(t)
	}
	standing, err := list(context.Background(), c.kept, scanTransaction, byScope, t.Tenant, t.Owner, t.Operation, t.Key)
	return created{standing: standing}, err
}

// Replace implements verdict.Store.
func (s *Store) Replace(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
	stored, err := write(ctx, s.queue.Wait, func(c *commit) ([]verdict.Transaction, error) { return c.replace(next, e) })
	if err == nil && len(stored) == 0 {
		err = verdict.ErrStale
	}
	if err != nil {
		return verdict.Transaction{}, fmt.Errorf("replace transaction: %w", err)
	}
	return stored[0], nil
}

// replace returns what it stored: nothing if another version stands there.
func (c *commit) replace(next verdict.Transaction, e *verdict.Evidence) ([]verdict.Transaction, error) {
	next.EventID = c.event + 1
	changed, err := c.kept.exec(replaceTransaction, next.Status, next.Stage, next.Reason, next.Reference, next.Version, next.EventID,
		next.Sends, next.Checks, next.Answered, next.Watched,
		moment(next.Due), moment(next.SentAt), moment(next.CheckedAt), moment(next.SettledAt), next.ID, next.Version-1)
	if err != nil || changed == 0 {
		return nil, err
	}
	c.event++
	if e != nil {
		if _, err := c.record(next.ID, *e); err != nil {
			return nil, err
		}
	}
	if next.Settled() {
		if err := c.contradict(next); err != nil {
			return nil, err
		}
		if next.Follows, err = orZero(list(context.Background(), c.kept, value[int64], verdictBefore, next.Tenant, next.Owner, next.EventID)); err != nil {
			return nil, err
		}
	}
	return []verdict.Transaction{relational.AsRead(next)}, c.putCommand(next)
}

// Transaction implements verdict.Store.
func (s *Store) Transaction(ctx context.Context, id string) (verdict.Transaction, error) {
	return s.one(ctx, byID, id)
}

// Find implements verdict.Store.
func (s *Store) Find(ctx context.Context, scope verdict.Scope) (verdict.Transaction, error) {
	return s.one(ctx, byScope, scope.Tenant, scope.Owner, scope.Operation, scope.Key)
}

func (s *Store) one(ctx context.Context, query string, args ...any) (verdict.Transaction, error) {
	t, err := first(read(ctx, s, scanTransaction, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		err = verdict.ErrNotFound
	}
	if err != nil {
		return verdict.Transaction{}, fmt.Errorf("read transaction: %w", err)
	}
	return t, nil
}

// Settled implements verdict.Store.
func (s *Store) Settled(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
	query, args := settled, []any{after, max(limit, 0)} // SQLite takes a negative limit for none
	if a != nil {
		query, args = settledOfAudience, []any{a.Tenant, a.Owner, after, max(limit, 0)}
	}
	found, err := read(ctx, s, scanTransaction, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read settled transactions: %w", err)
	}
	return found, nil
}

func scanTransaction(rows row) (t verdict.Transaction, err error) {
	var fingerprint []byte
	err = rows.Scan(&t.ID, &t.Tenant, &t.Owner, &t.Operation, &t.Key, &t.Provider, &t.Status, &t.Stage, &t.Reason, &t.Reference,
		&t.Version, &t.EventID, &t.Sends, &t.Checks, &t.Answered, &t.Watched, (*moment)(&t.Due), (*moment)(&t.CreatedAt),
		(*moment)(&t.SentAt), (*moment)(&t.CheckedAt), (*moment)(&t.SettledAt), &fingerprint, &t.Payload,
		&t.Trace, (*moment)(&t.ToldAt), (*moment)(&t.ConfirmedAt))
	copy(t.Fingerprint[:], fingerprint)
	return t, err
}
