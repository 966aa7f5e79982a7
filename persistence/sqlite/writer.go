package sqlite

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/mattn/go-sqlite3"

	"verdict"
	"verdict/persistence/relational"
)

const (
	// queueSize is how many operations may wait for the writer: less than a second's work, and 32 MiB of payloads.
	queueSize = 2048

	// newSize is how many of them may be of new requests, so that what follows from those that were accepted waits behind a few commits.
	newSize = 4 * batchSize

	// batchSize is how many operations share a commit at the most, so that no caller waits behind a long one.
	batchSize = 256
)

// A writer is the only one in this process that changes the file. It takes what waits in the queue, carries it all out in
// one transaction, commits once, and only then answers.
type writer struct {
	kept      *direct
	queue     <-chan *operation
	batch     int // operations in a commit at the most
	restartAt int // length of the log, in frames, at which the next restart is tried

	commitsLogged, operationsLogged int // since the log was copied

	commits *relational.Commits
}

// A commit is a transaction under way, seen by the operations that share it.
type commit struct {
	kept  *direct
	now   time.Time
	event int64 // the greatest event id given so far
}

func newWriter(kept *direct, queue <-chan *operation, commits *relational.Commits) *writer {
	return &writer{
		kept: kept, queue: queue, batch: batchSize, restartAt: restartFrames, commits: commits,
	}
}

// run carries out what is queued until the queue is closed and empty.
func (w *writer) run() {
	for first := range w.queue {
		giveWay()
		batch := w.gather(first)
		if len(batch) == 0 {
			continue
		}
		err := w.kept.lend(func() error { return w.commit(batch) })
		for _, op := range batch {
			op.Answer(err)
		}
		giveWay()
		_ = w.kept.lend(func() error { w.checkpoint(len(batch)); return nil })
	}
}

// giveWay lets the goroutines run that are ready to. Those that the writer has just answered would else wait behind it: they are in
// line for its processor, which the Go runtime takes from it only some time after it has gone to sync the disk in C. And what the
// others bring into the queue shares the next commit. Only a benchmark shows it: docs/performance.md, "What was gained".
func giveWay() { runtime.Gosched() }

// gather takes what waits behind the first operation. It doesn't wait for more: while one commit is synced the next
// gathers in the queue.
func (w *writer) gather(first *operation) []*operation {
	var batch []*operation
	for op := first; ; op = <-w.queue {
		if op.Take() {
			batch = append(batch, op)
		}
		if len(batch) == w.batch || len(w.queue) == 0 {
			return batch
		}
	}
}

// commit carries out a batch. The work belongs to all its callers, so it isn't bound to the context of any.
func (w *writer) commit(batch []*operation) error {
	began := time.Now()
	if _, err := w.kept.exec("BEGIN IMMEDIATE"); err != nil {
		if isCode(err, sqlite3.ErrBusy) {
			return fmt.Errorf("%w: another process is writing: %w", verdict.ErrOverloaded, err)
		}
		return fmt.Errorf("begin: %w", err)
	}
	if err := w.carryOut(batch); err != nil {
		w.rollback()
		return fmt.Errorf("nothing was stored: %w", err)
	}
	if _, err := w.kept.exec("COMMIT"); err != nil {
		w.rollback()
		return fmt.Errorf("commit: %w: %w", verdict.ErrUncertain, err)
	}
	w.commits.Note(len(batch), began)
	return nil
}

// carryOut runs the operations of a batch. It takes the event counter from the file once and puts it back once, under
// the write lock, so that several processes never give the same number.
func (w *writer) carryOut(batch []*operation) error {
	before, err := first(list(context.Background(), w.kept, value[int64], eventCounter))
	if err != nil {
		return fmt.Errorf("read the event counter: %w", err)
	}
	c := &commit{kept: w.kept, now: time.Now(), event: before}
	for _, op := range batch {
		if err := op.run(c); err != nil {
			return err
		}
	}
	if c.event == before {
		return nil
	}
	if _, err := w.kept.exec(keepEventCounter, c.event); err != nil {
		return fmt.Errorf("store the event counter: %w", err)
	}
	return nil
}

// rollback ends a transaction that failed. Where SQLite has ended it by itself there is none to end, which is as good.
func (w *writer) rollback() { _, _ = w.kept.exec("ROLLBACK") }
