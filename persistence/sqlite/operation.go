package sqlite

import (
	"context"

	"verdict/persistence/relational"
)

// An operation is a caller's part of a commit.
type operation struct {
	relational.Call
	run func(*commit) error // returns an error only if SQL failed, which fails the whole commit
}

// write has the writer carry out an operation, and returns what the operation returned once that is on disk. enter is how
// the operation gets into the queue.
func write[T any](ctx context.Context, enter func(context.Context, *operation) error, run func(*commit) (T, error)) (T, error) {
	var result, none T
	err := enter(ctx, &operation{run: func(c *commit) (err error) {
		result, err = run(c)
		return err
	}})
	if err != nil {
		return none, err // the writer may still be at the result
	}
	return result, nil
}
