// Package verdict is the vocabulary and the rules of a push backend that stands between an app and a slow, unreliable
// third party: what a transaction is, what counts as evidence of its outcome, what may be sent again, and when to ask.
//
// It imports the standard library only. Technology lives in the folders below: persistence keeps the record, provider
// speaks to partners, hub carries work and pushes verdicts, web speaks HTTP, and cmd ties them together.
//
// The flow has one direction. [Intake] accepts a request and commits it together with the work it causes; [Relay] hands
// that work to a [Stream]; a [Settler] carries it out, weighs the evidence that comes back and commits the verdict, which
// goes by the stream to the hubs and on to subscribers. The database is the record and the stream is speed: what the
// stream loses, the [Sweeper] takes up again from the database.
package verdict

import (
	"errors"
	"time"
)

// Kinds of error. Test with errors.Is.
var (
	// ErrNotFound: there is no such transaction, or it is somebody else's.
	ErrNotFound = errors.New("no such transaction")

	// ErrStale: the transaction has changed since it was read. Read it again and decide again.
	ErrStale = errors.New("the transaction has changed meanwhile")

	// ErrMismatch: the key belongs to a transaction with other content. Nothing was stored.
	ErrMismatch = errors.New("the key was used with other content")

	// ErrInFlight: the key belongs to a transaction that is still pending, and such repeats are refused here.
	ErrInFlight = errors.New("the first request with this key is still in flight")

	// ErrNotInReview: only a transaction that is for review can be resolved by a person.
	ErrNotInReview = errors.New("the transaction is not for review")

	// ErrOverloaded: refused before anything was stored. The same request may be sent again a little later.
	ErrOverloaded = errors.New("too much work is waiting")

	// ErrUncertain: it may have happened or not. Of a partner: the request may have had its effect. Of a store: the
	// change may be on disk. It is never a failure.
	ErrUncertain = errors.New("the outcome is uncertain")

	// ErrNotSent: provably without effect at the partner, since nothing left this machine or it was turned away at the
	// door. Sending again cannot act twice.
	ErrNotSent = errors.New("it has had no effect")
)

// ThrottledError is a partner's refusal to be called so often. Nothing happened there and nothing was learned.
type ThrottledError struct {
	After time.Duration // how long to stay away; above zero
}

func (e *ThrottledError) Error() string {
	return "the partner asks us to stay away for " + e.After.String()
}

const (
	// Lease is how long a command that was handed to the stream may stay without effect before it is handed out again:
	// so long the work of a dead instance waits for another. It is longer than CheckTimeout.
	Lease = 15 * time.Second

	// CheckTimeout bounds one status check.
	CheckTimeout = 10 * time.Second

	// MarkerTTL is how long a marker allows its writer to begin sending. A worker that was paused for longer between
	// the marker and the first byte has lost its turn: others may have concluded from the partner's silence.
	MarkerTTL = 5 * time.Second
)
