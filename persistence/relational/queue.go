package relational

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"verdict"
)

const (
	// patience is how long a new request waits for its place in the queue: as long as its app would be told to stay away at the
	// least. It costs less than a refusal and the next attempt, which so many at once would spend the processor on.
	patience = time.Second

	// patient is how many times as many new requests may wait for a place as there are. Each holds its payload and a connection.
	patient = 8
)

// ErrClosed is what calls after Close return.
var ErrClosed = errors.New("the store is closed")

// An Operation is a caller's part of a commit. It embeds a Call.
type Operation interface{ call() *Call }

// A Call is what the caller and the writer of an operation share.
type Call struct {
	taken atomic.Bool // by a writer, or back by its caller: whoever sets it first has it
	done  chan error  // holds the answer, so that the writer never waits for a caller
}

func (c *Call) call() *Call { return c }

// Take reports whether the operation is the writer's. If not, its caller has given up and nobody waits for an answer.
func (c *Call) Take() bool { return c.taken.CompareAndSwap(false, true) }

// Answer tells the caller how the commit ended. The writer answers once what it has taken.
func (c *Call) Answer(err error) { c.done <- err }

// A Queue is where the operations of a store wait for its writers, and the gate of all its calls: those that don't pass
// the queue Enter and Leave, so that Close can wait for them too.
type Queue[Op Operation] struct {
	waiting chan Op
	places  chan struct{} // holds one for each new request in the queue or being carried out, as long as its caller waits
	line    chan struct{} // holds one for each that waits for a place
	calls   sync.RWMutex  // read-locked during each call
	closed  bool          // set with calls locked
}

// NewQueue returns a queue in which so many operations may wait, so many of them of new requests.
func NewQueue[Op Operation](size, fresh int) *Queue[Op] {
	return &Queue[Op]{waiting: make(chan Op, size), places: make(chan struct{}, fresh), line: make(chan struct{}, patient*fresh)}
}

// Waiting is where writers take operations from. It is closed when no more will come.
func (q *Queue[Op]) Waiting() <-chan Op { return q.waiting }

// Shed has a writer carry out an operation of a new request. If there is no place in the queue within a second, or too many
// wait for one already, it is refused: verdict.ErrOverloaded.
func (q *Queue[Op]) Shed(ctx context.Context, op Op) error {
	if err := q.takePlace(ctx); err != nil {
		return err
	}
	defer func() { <-q.places }()
	return q.Wait(ctx, op)
}

func (q *Queue[Op]) takePlace(ctx context.Context) error {
	select {
	case q.places <- struct{}{}:
		return nil
	default:
	}
	select {
	case q.line <- struct{}{}:
		defer func() { <-q.line }()
	default:
		return verdict.ErrOverloaded
	}
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case q.places <- struct{}{}:
		return nil
	case <-enough.C:
		return verdict.ErrOverloaded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Wait has a writer carry out an operation. It returns nil once that is on disk. One that follows from requests that were accepted isn't
// refused: evidence may come only once. A caller that gives up before a writer began has its operation back, and nothing is
// stored; later the outcome is uncertain.
func (q *Queue[Op]) Wait(ctx context.Context, op Op) error {
	if err := q.Enter(); err != nil {
		return err
	}
	defer q.Leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	call := op.call()
	call.done = make(chan error, 1)
	select {
	case q.waiting <- op:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-call.done:
		return err
	case <-ctx.Done():
		if call.Take() {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", verdict.ErrUncertain, ctx.Err())
	}
}

// Enter begins a call; Leave ends it. It returns ErrClosed, and nothing is to be ended, after Close.
func (q *Queue[Op]) Enter() error {
	q.calls.RLock()
	if q.closed {
		q.calls.RUnlock()
		return ErrClosed
	}
	return nil
}

// Leave ends a call.
func (q *Queue[Op]) Leave() { q.calls.RUnlock() }

// Close waits for the calls under way and has those that follow fail. Writers still find what callers have left behind.
// It reports whether it is the first to close.
func (q *Queue[Op]) Close() (first bool) {
	q.calls.Lock()
	defer q.calls.Unlock()
	if q.closed {
		return false
	}
	q.closed = true
	close(q.waiting) // nobody sends any more
	return true
}
