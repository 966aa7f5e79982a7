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
)

// sqliteKeeper has one goroutine that writes. While it syncs one commit, the next gathers in the queue.
type sqliteKeeper struct {
	queue chan *waiting
	done  chan error // what the writer ended with
}

// waiting is a request that waits for its commit.
type waiting struct {
	*request
	kept chan error
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
	w := &waiting{r, make(chan error, 1)}
	k.queue <- w
	return <-w.kept
}

func (k *sqliteKeeper) close() error {
	close(k.queue)
	return <-k.done
}

// sqliteWriter is the only one that writes.
type sqliteWriter struct {
	conn                  *sqlite3.SQLiteConn
	together              int
	begin, commit, insert driver.Stmt
}

func (w *sqliteWriter) prepare() (err error) {
	if _, err := w.conn.Exec(lean, nil); err != nil {
		return fmt.Errorf("make the table: %w", err)
	}
	for s, query := range map[*driver.Stmt]string{&w.begin: "BEGIN IMMEDIATE", &w.commit: "COMMIT", &w.insert: insertLean} {
		if *s, err = w.conn.Prepare(query); err != nil {
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
	return errors.Join(w.begin.Close(), w.commit.Close(), w.insert.Close(), w.conn.Close())
}

func (w *sqliteWriter) write(batch []*waiting) error {
	if _, err := w.begin.Exec(nil); err != nil {
		return err
	}
	now := time.Now().UnixNano()
	for _, r := range batch {
		sum := sha256.Sum256(r.body)
		if _, err := w.insert.Exec([]driver.Value{r.key, now, sum[:], r.body}); err != nil {
			_, rollback := w.conn.Exec("ROLLBACK", nil)
			return errors.Join(err, rollback)
		}
	}
	_, err := w.commit.Exec(nil)
	return err
}
