package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"verdict"
)

// begin says how a transaction is, whatever the server's defaults are: each statement sees what was committed before it.
const begin = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE`

// writeSettings bound a transaction, and end with it. Whoever dies in the middle of one holds the lock until the server
// finds out: it waits for the next message for less long than others wait for the lock, and asks the network whether
// anybody is there. As each statement looks rows up one by one, no plan for reading a whole table is ever the better one.
const writeSettings = `SELECT set_config('statement_timeout', '30s', true), set_config('lock_timeout', '5s', true),
	set_config('idle_in_transaction_session_timeout', '2s', true),
	CASE WHEN current_setting('transaction_timeout', true) IS NOT NULL THEN set_config('transaction_timeout', '30s', true) END,
	set_config('tcp_keepalives_idle', '5', true), set_config('tcp_keepalives_interval', '5', true),
	set_config('tcp_keepalives_count', '2', true), set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

// lock takes the lock of all changes. It comes before all else that a commit does, so that what is read under it stays
// so, that nobody waits for anybody in a circle, and that numbers are drawn for nothing but what will be stored. It is held
// until the commit is synced and others see it: so whoever sees a number sees all smaller ones.
//
// To take it late, after the rows are written, and number them then, would write each twice. A sequence draws numbers
// without a lock, but then reads would have to stop short of whatever transaction is open, a backup's too.
// An advisory lock would do as well, but could be another program's.
const lock = `SELECT FROM meta FOR NO KEY UPDATE`

// A commit is a transaction under way, seen by the operations that share it.
type commit struct {
	now time.Time

	asked   questions
	facts   map[string]fact            // by the transaction's id
	paces   map[string]verdict.Pace    // by provider, of those asked for
	learned map[string]verdict.Learned // likewise

	pacesOf, learnedOf []string // providers of which they have changed

	creations []creation
	changes   []change
	findings  []finding
	spendings []spending

	batch            *pgx.Batch
	queued, answered int
	last             bool // COMMIT is among what was queued
}

func newCommit() *commit {
	return &commit{
		now: time.Now(), batch: &pgx.Batch{}, facts: map[string]fact{}, paces: map[string]verdict.Pace{},
		learned: map[string]verdict.Learned{},
	}
}

// carryOut runs the operations of a batch. It is one round trip, unless something has to be known before it can be decided.
func (c *commit) carryOut(ctx context.Context, conn *pgx.Conn, batch []*operation) error {
	for _, op := range batch {
		if op.ask != nil {
			op.ask(c)
		}
	}
	c.exec(begin)
	c.exec(writeSettings)
	c.exec(lock)
	if c.inquire() {
		if err := c.send(ctx, conn); err != nil {
			return err
		}
	}
	for _, op := range batch {
		op.run(c)
	}
	c.queueFindings()
	c.queueChanges()
	c.queueCreations()
	c.queueSpendings()
	c.queuePartners()
	c.last = true
	c.batch.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" {
			return fmt.Errorf("the server answered %s", tag)
		}
		return nil
	})
	return c.send(ctx, conn)
}

// exec adds a statement whose outcome doesn't matter but for an error.
func (c *commit) exec(query string, args ...any) {
	c.count(query, func(int64) {}, args...)
}

// count adds a statement, and has done called with the number of rows that it changed.
func (c *commit) count(query string, done func(changed int64), args ...any) {
	c.queued++
	c.batch.Queue(query, args...).Exec(func(tag pgconn.CommandTag) error {
		c.answered++
		done(tag.RowsAffected())
		return nil
	})
}

// query adds a statement, and has scan called with each row that it returns.
func (c *commit) query(query string, scan func(pgx.Rows) error, args ...any) {
	c.queued++
	c.batch.Queue(query, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		rows.Close()
		if rows.Err() == nil {
			c.answered++
		}
		return rows.Err()
	})
}

// send sends what was added, in one go, and waits for the answers.
func (c *commit) send(ctx context.Context, conn *pgx.Conn) error {
	b := c.batch
	c.batch = &pgx.Batch{}
	return conn.SendBatch(ctx, b).Close()
}

// mayHaveCommitted reports whether the server may have committed in spite of an error.
//
// If it refused a statement before COMMIT it passed over COMMIT. If it refused COMMIT itself, a conflict or a constraint
// means that it rolled back; anything else, even its end, may have come when all was stored. And if the connection broke,
// nobody knows how far it came.
func (c *commit) mayHaveCommitted(err error) bool {
	if !c.last || pgconn.SafeToRetry(err) {
		return false
	}
	if _, ok := errors.AsType[pgx.ErrPreprocessingBatch](err); ok { // nothing but questions for types was sent
		return false
	}
	if c.answered < c.queued {
		return !fromServer(err)
	}
	return !(fromServer(err) && isCode(err, "40", "23"))
}

// fromServer reports whether err is the server's answer to a statement, and not a pooler's, which may have lost the answer:
// the server names the routine that raised it.
func fromServer(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Routine != ""
}
