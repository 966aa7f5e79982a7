package accept

import (
	"context"
	"crypto/sha256"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/mattn/go-sqlite3"
)

// groupSize is how many requests share a commit at the most, as in Verdict.
const groupSize = 256

// lean is one row of one table, whose unique key is the table of idempotency keys as well.
const (
	lean = `CREATE TABLE transactions (number INTEGER PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, operation TEXT NOT NULL,
		key TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL, fingerprint BLOB NOT NULL, payload BLOB NOT NULL,
		UNIQUE (tenant, owner, operation, key)) STRICT`
	insertLean = `INSERT INTO transactions (tenant, owner, operation, key, status, created, fingerprint, payload)
		VALUES ('bench', 'user', 'transfer', ?, 'pending', ?, ?, ?) ON CONFLICT DO NOTHING`
	settleLean = `UPDATE transactions SET status = ? WHERE tenant = 'bench' AND owner = 'user' AND operation = 'transfer' AND key = ?`

	begin  = "BEGIN IMMEDIATE"
	commit = "COMMIT"
)

// sqliteKeeper has one goroutine that writes. While it syncs one commit, the next gathers in the queue.
type sqliteKeeper struct {
	queue chan *waiting
	done  chan error // what the writer ended with
}

// waiting is a change that waits for its commit.
type waiting struct {
	change string // its statement
	args   []driver.Value
	kept   chan error
}

// openSQLite makes a database, in which up to so many requests share a commit.
func openSQLite(path string, together int) (*sqliteKeeper, error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + path + "?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	w := &sqliteWriter{conn: opened.(*sqlite3.SQLiteConn), together: together}
	if err := w.prepare(); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	k := &sqliteKeeper{queue: make(chan *waiting, 2048), done: make(chan error, 1)}
	go func() { k.done <- w.run(k.queue) }()
	return k, nil
}

func (k *sqliteKeeper) keep(_ context.Context, r *request) error {
	sum := sha256.Sum256(r.body)
	return k.change(insertLean, r.key, time.Now().UnixNano(), sum[:], r.body)
}

// change returns once a change is on disk.
func (k *sqliteKeeper) change(change string, args ...driver.Value) error {
	w := &waiting{change, args, make(chan error, 1)}
	k.queue <- w
	return <-w.kept
}

func (k *sqliteKeeper) close() error {
	close(k.queue)
	return <-k.done
}

// sqliteWriter is the only one that writes. It goes past database/sql, whose share can be had back.
type sqliteWriter struct {
	conn     *sqlite3.SQLiteConn
	together int
	prepared map[string]driver.Stmt
}

func (w *sqliteWriter) prepare() (err error) {
	if _, err := w.conn.Exec(lean, nil); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	w.prepared = map[string]driver.Stmt{}
	for _, query := range []string{begin, commit, insertLean, settleLean} {
		if w.prepared[query], err = w.conn.Prepare(query); err != nil {
			return err
		}
	}
	return nil
}

// run writes until the queue is closed.
func (w *sqliteWriter) run(queue <-chan *waiting) error {
	batch := make([]*waiting, 0, w.together)
	for first := range queue {
		batch = append(batch[:0], first)
		for len(batch) < w.together && len(queue) > 0 {
			batch = append(batch, <-queue)
		}
		err := w.write(batch)
		for _, r := range batch {
			r.kept <- err
		}
	}
	var errs []error
	for _, s := range w.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

func (w *sqliteWriter) write(batch []*waiting) error {
	if err := w.exec(begin); err != nil {
		return err
	}
	for _, c := range batch {
		if err := w.exec(c.change, c.args...); err != nil {
			_, rollback := w.conn.Exec("ROLLBACK", nil)
			return errors.Join(err, rollback)
		}
	}
	return w.exec(commit)
}

func (w *sqliteWriter) exec(query string, args ...driver.Value) error {
	named := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arg}
	}
	_, err := w.prepared[query].(driver.StmtExecContext).ExecContext(context.Background(), named)
	return err
}
