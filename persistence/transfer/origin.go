package transfer

import (
	"crypto/sha256"
	"errors"
)

// An Origin is what a target is told of the source.
type Origin struct {
	Name     string            // as an operator named it
	Identity [sha256.Size]byte // of the record: it stays the same from one try to the next, and no other has it
	Left     string            // where the source was moved to, if that was done already
}

// ErrFinished: the source was moved to that target before, and nothing is left to do.
var ErrFinished = errors.New("it was moved here already")
