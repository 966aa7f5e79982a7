package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"verdict"
)

const (
	// queueSize is how many operations may wait for the writers: less than a second's work, and 32 MiB of payloads.
	queueSize = 2048

	// newSize is how many of them may be of new requests, so that what follows from those that were accepted waits behind a few commits,
	// or more where payloads are large.
	newSize = 4 * batchSize

	// batchSize is how many operations share a commit at the most, so that no caller waits behind a long one.
	batchSize = 256

	// batchBytes is how much they send at the most, unless one is larger. The server holds the lock while it receives them.
	batchBytes = 128 << 10

	// writers is how many commits of an instance are under way at once. As all commits hold one lock, a second would only
	// wait for it at the server, with what could have joined the next: on two cores it halved what was stored in a second.
	writers = 1

	// attempts is how often a commit is tried that was certainly not stored, for reasons that pass.
	attempts = 5

	// commitTimeout bounds an attempt where the server doesn't, because the network has swallowed it.
	commitTimeout = 20 * time.Second
)

// write is a writer: it takes what waits in the queue, carries it all out in one transaction, and only then answers. It
// ends when the queue is closed and empty.
func (s *Store) write() {
	for g := (gathering{queue: s.queue.Waiting()}); ; {
		batch, ok := g.next(int(s.most.Load()))
		if !ok {
			return
		}
		s.carryOut(batch)
	}
}

// carryOut commits a batch, and answers its callers. If the server refuses what one of them gave, only that one is refused.
func (s *Store) carryOut(batch []*operation) {
	err := s.commit(batch)
	if len(batch) > 1 && isCode(err, "22", "23", "54") && !errors.Is(err, verdict.ErrUncertain) { // data, constraints, limits
		for _, op := range batch {
			s.carryOut([]*operation{op})
		}
		return
	}
	for _, op := range batch {
		op.Answer(err)
	}
}

// commit carries out a batch. It tries again what certainly wasn't stored, if the reason may have passed.
func (s *Store) commit(batch []*operation) (err error) {
	began := time.Now()
	for n := range attempts {
		if n > 0 {
			time.Sleep(time.Duration(n) * 10 * time.Millisecond)
		}
		var again bool
		if again, err = s.try(batch); !again {
			break
		}
	}
	if err == nil {
		s.commits.Note(len(batch), began)
	}
	return err
}

// try carries out a batch once. If nothing was stored, again says whether to try again. The work belongs to all its
// callers, so it isn't bound to the context of any.
func (s *Store) try(batch []*operation) (again bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	conn, err := s.writes.Acquire(ctx)
	if err != nil {
		return false, fmt.Errorf("%w: the database is out of reach: %w", verdict.ErrOverloaded, err)
	}
	defer conn.Release() // closes it unless the transaction has ended
	c := newCommit()
	err = c.carryOut(ctx, conn.Conn(), batch)
	if err == nil {
		return false, nil
	}
	broken := conn.Conn().IsClosed()
	if broken {
		s.writes.Reset() // the others were to the same server, and it may be gone
	}
	if c.mayHaveCommitted(err) {
		return false, fmt.Errorf("commit: %w: %w", verdict.ErrUncertain, err)
	}
	_, _ = conn.Exec(ctx, "ROLLBACK") // if that fails too, closing the connection is as good
	if isCode(err, "55P03") {         // lock_not_available
		err = fmt.Errorf("%w: another instance is writing: %w", verdict.ErrOverloaded, err)
	}
	return broken || passes(err), fmt.Errorf("nothing was stored: %w", err)
}

// passes reports whether what failed may succeed if it is tried again at once: serialization_failure, deadlock_detected.
func passes(err error) bool { return isCode(err, "40001", "40P01") }

// A gathering makes batches of what waits in a queue.
type gathering struct {
	queue <-chan *operation
	held  []*operation
}

// next returns what waits, at most so much. It doesn't wait for more: while one commit is under way the next gathers in
// the queue. Operations about the same come in batches one after the other, in their order. ok is false at the end.
func (g *gathering) next(most int) (batch []*operation, ok bool) {
	b := &gathered{most: most, about: map[any]bool{}}
	held := g.held
	g.held = nil
	for _, op := range held {
		g.add(b, op)
	}
	for len(b.batch) == 0 {
		op, open := <-g.queue
		if !open {
			return nil, false
		}
		g.add(b, op)
	}
	for len(b.batch) < most && len(g.held) < most {
		select {
		case op, open := <-g.queue:
			if !open {
				return b.batch, true
			}
			g.add(b, op)
		default:
			return b.batch, true
		}
	}
	return b.batch, true
}

// add adds an operation to a batch, or holds it back for a later one.
func (g *gathering) add(b *gathered, op *operation) {
	switch {
	case !b.fits(op):
		g.held = append(g.held, op)
	case op.Take():
		b.batch = append(b.batch, op)
		b.bytes += op.size
	default:
		return
	}
	for _, of := range op.about {
		b.about[of] = true
	}
}

// gathered is a batch in the making.
type gathered struct {
	batch []*operation
	most  int
	bytes int
	about map[any]bool // of those in it, and of those held back
}

func (b *gathered) fits(op *operation) bool {
	for _, of := range op.about {
		if b.about[of] {
			return false
		}
	}
	return len(b.batch) == 0 || len(b.batch) < b.most && b.bytes+op.size <= batchBytes
}
