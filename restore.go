package verdict

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Restored returns the state of a transaction in a copy of the record that takes the place of a later one. What became of
// it since isn't known: it may have been sent, and sent again, until now. So it counts as sent now, with the outcome
// unknown: it is asked about before anything is sent, and "not found" proves nothing before its time. One that is for
// review stays so.
func (t Transaction) Restored(p Policy, now time.Time) Transaction {
	if t.Settled() {
		return t
	}
	t.Version++
	t.Sends, t.SentAt = max(t.Sends, 1), now
	t.Checks, t.CheckedAt, t.Answered = 0, time.Time{}, false
	if t.Stage == StageReview {
		return t
	}
	t.Stage, t.Reason = StageWaiting, ""
	return t.checkNext(p, time.Time{}, now)
}

// Restoring makes a copy of the record fit to take the place of the one that was lost. Nobody else works on it meanwhile.
type Restoring struct {
	Store  Restorable
	Policy func(provider string) Policy
}

// A Restorable is a store that a copy can stand in for.
type Restorable interface {
	Store

	// SkipEventIDs leaves out so many numbers: the next EventID is greater than the last by more than that.
	SkipEventIDs(ctx context.Context, count int64) error
}

// Restored is what Restoring has done.
type Restored struct {
	Asked     int   // transactions that are asked about before anything is sent
	Review    int   // transactions that were for review, and are
	LastEvent int64 // of the copy
}

const (
	// SkippedEventIDs is how many numbers are left out when a copy is restored, since those after its last may have been
	// told with other bytes: as many as 10,000 changes a second use in three years. Some 8,000 restores come before 2^53,
	// up to which a number in JavaScript is exact.
	SkippedEventIDs = 1 << 40

	// restoreBatch is how many transactions are read together; at 16 KiB of payload each they take 16 MiB.
	restoreBatch = 1024
)

// WasRestored reports whether a record with that last EventID took the place of a later one, and so may lack what was
// accepted before.
func WasRestored(lastEventID int64) bool { return lastEventID >= SkippedEventIDs }

// Run does it all. After an error, or a crash, it must be run again before the record is used; that does no harm.
func (r *Restoring) Run(ctx context.Context, now time.Time) (done Restored, err error) {
	if done.LastEvent, err = r.Store.LastEventID(ctx); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	if err := r.Store.SkipEventIDs(ctx, SkippedEventIDs); err != nil {
		return done, fmt.Errorf("restore: %w", err)
	}
	for _, stage := range []Stage{StageAccepted, StageSending, StageWaiting, StageReview} {
		n, err := r.stage(ctx, stage, done.LastEvent, now)
		if err != nil {
			return done, fmt.Errorf("restore what is %s: %w", stage, err)
		}
		if stage == StageReview {
			done.Review = n
		} else {
			done.Asked += n
		}
	}
	return done, nil
}

// stage restores the transactions of a stage that last changed before the copy was made: what changes here has a greater
// number.
func (r *Restoring) stage(ctx context.Context, stage Stage, last int64, now time.Time) (n int, err error) {
	for after := int64(0); ; {
		found, err := r.Store.InStage(ctx, stage, after, restoreBatch)
		if err != nil {
			return n, err
		}
		for _, t := range found {
			if t.EventID > last {
				return n, nil
			}
			if err := r.one(ctx, t, now); err != nil {
				return n, err
			}
			after = t.EventID
			n++
		}
		if len(found) < restoreBatch {
			return n, nil
		}
	}
}

func (r *Restoring) one(ctx context.Context, t Transaction, now time.Time) error {
	said := Evidence{
		Source: SourceOperator, Outcome: OutcomeUnknown, At: now,
		Reason: "the record was restored from a copy: it may have been sent since that was made",
	}
	_, err := r.Store.Replace(ctx, t.Restored(r.Policy(t.Provider), now), &said)
	if errors.Is(err, ErrStale) {
		return fmt.Errorf("%s: %w; stop the gateways that use this record, and run it again", t.ID, err)
	}
	return err
}
