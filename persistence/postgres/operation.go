package postgres

import (
	"context"

	"verdict/persistence/relational"
)

// An operation is a caller's part of a commit.
type operation struct {
	relational.Call
	about []any         // comparable: operations about the same don't share a commit
	size  int           // of what it sends, in bytes, if that may be much
	ask   func(*commit) // says what has to be read for it first; nil if that is nothing
	run   func(*commit) // adds its statements
}

// write has a writer carry out an operation, and returns what that set the result to once it is on disk. enter is how
// the operation gets into the queue. run is called anew, with a new result, each time that the commit is tried.
func write[T any](ctx context.Context, enter func(context.Context, *operation) error, op *operation, run func(c *commit, result *T)) (T, error) {
	var result, none T
	op.run = func(c *commit) {
		result = none
		run(c, &result)
	}
	if err := enter(ctx, op); err != nil {
		return none, err // a writer may still be at the result
	}
	return result, nil
}
