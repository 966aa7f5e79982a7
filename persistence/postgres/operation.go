package postgres

import (
	"context"
	"fmt"
	"sync/atomic"

	"verdict"
)

// An operation is a caller's part of a commit.
type operation struct {
	about []any         // comparable: operations about the same don't share a commit
	size  int           // of what it sends, in bytes, if that may be much
	ask   func(*commit) // says what has to be read for it first; nil if that is nothing
	run   func(*commit) // adds its statements
	taken atomic.Bool   // by a writer, or back by its caller: whoever sets it first has it
	done  chan error    // holds the answer, so that the writer never waits for a caller
}

func (op *operation) take() bool { return op.taken.CompareAndSwap(false, true) }

// A door is how an operation gets into the queue.
type door func(ctx context.Context, queue chan<- *operation, op *operation) error

// shed is the door of new requests: if the queue is full they are refused.
func shed(_ context.Context, queue chan<- *operation, op *operation) error {
	select {
	case queue <- op:
		return nil
	default:
		return verdict.ErrOverloaded
	}
}

// wait is the door of what follows from requests that were accepted. It isn't refused: evidence may come only once.
func wait(ctx context.Context, queue chan<- *operation, op *operation) error {
	select {
	case queue <- op:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write has a writer carry out an operation, and returns what that set the result to once it is on disk. A caller that
// gives up before the writer began has its operation back, and nothing is stored; later the outcome is uncertain.
// run is called anew, with a new result, each time that the commit is tried.
func write[T any](ctx context.Context, s *Store, enter door, op *operation, run func(c *commit, result *T)) (T, error) {
	var result, none T
	if err := s.enter(); err != nil {
		return none, err
	}
	defer s.leave()
	if err := ctx.Err(); err != nil {
		return none, err
	}
	op.done = make(chan error, 1)
	op.run = func(c *commit) {
		result = none
		run(c, &result)
	}
	if err := enter(ctx, s.queue, op); err != nil {
		return none, err
	}
	select {
	case err := <-op.done:
		if err != nil {
			return none, err
		}
		return result, nil
	case <-ctx.Done():
		if op.take() {
			return none, ctx.Err()
		}
		return none, fmt.Errorf("%w: %w", verdict.ErrUncertain, ctx.Err())
	}
}
