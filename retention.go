package verdict

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Retention moves what is long over from the record to an archive: transactions that were settled that long ago, and webhooks
// that came that long ago and whose transaction never became known. What is pending or for review stays, and so does what
// contradicts itself or is yet to be told to a backend. A crash between the two steps leaves in both what the next pass archives again.
type Retention struct {
	Store   Forgetter
	Archive Archive
	For     time.Duration // after the verdict, or after a webhook came; more than keys are remembered
	Log     *slog.Logger

	// Enlist makes notices of all verdicts that backends are yet to be told, for what has such a notice stays. It is nil where
	// there are no backends.
	Enlist func(context.Context) error

	Archived  atomic.Int64 // transactions and webhooks since the start, repeats included
	Forgotten atomic.Int64 // of those, deleted from the record
	Failures  atomic.Int64 // passes that ended with an error
}

// A Forgetter is a store that forgets what is archived.
type Forgetter interface {
	Store

	// Forget deletes settled transactions with their evidence and notices, and returns how many. One stays if its key is
	// held, if evidence contradicts its verdict, if one of its notices is pending, or if it has more evidence than is given
	// here: that isn't in the archive.
	Forget(ctx context.Context, archived []Past) (int, error)

	// Stranded returns at most limit parked webhooks that came before a time and whose transaction isn't known, longest
	// parked first.
	Stranded(ctx context.Context, before time.Time, limit int) ([]Webhook, error)
}

// A Past is a settled transaction with all that was heard of it.
type Past struct {
	Transaction Transaction
	Evidence    []Evidence
}

// An Archive keeps what the record forgets. What it has kept survives a power cut once it returns nil. It may be given the
// same again.
type Archive interface {
	Keep(now time.Time, over []Past, webhooks []Webhook) error
}

const (
	// retentionEvery is how often there is a look for what is over, at the least. Of all instances one looks.
	retentionEvery = time.Minute

	// retentionBatch is how many transactions are archived together: the deletion shares a commit with what apps wait for.
	retentionBatch = 32

	// retentionRests times as long as a batch took is waited after it: what apps wait for comes first. It is not more, so that what
	// is accepted day and night is also deleted.
	retentionRests = 9
)

// Run archives until ctx ends.
func (r *Retention) Run(ctx context.Context) error {
	every := min(retentionEvery, r.For)
	for {
		now := time.Now()
		next := now.Truncate(every).Add(every)
		if err := r.pass(ctx, now, next); err != nil && ctx.Err() == nil {
			r.Failures.Add(1)
			r.Log.Error("archive what is over; it stays on record", "error", err)
		}
		if until(ctx, next) != nil {
			return nil
		}
	}
}

// pass archives until nothing is left or the next pass is due, unless another instance does.
func (r *Retention) pass(ctx context.Context, now, next time.Time) error {
	first, err := r.Store.Spend(ctx, fmt.Sprint("retention ", next.Unix()), next)
	if err != nil || !first {
		return err
	}
	ctx, cancel := context.WithDeadline(ctx, next)
	defer cancel()
	before := now.Add(-r.For)
	if r.Enlist != nil {
		if err := r.Enlist(ctx); err != nil && ctx.Err() == nil {
			return fmt.Errorf("notices: %w", err)
		}
	}
	if err := r.webhooks(ctx, before); err != nil && ctx.Err() == nil {
		return fmt.Errorf("webhooks: %w", err)
	}
	for after := int64(0); ctx.Err() == nil; {
		began := time.Now()
		last, more, err := r.transactions(ctx, before, after)
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("transactions: %w", err)
		}
		if !more || until(ctx, time.Now().Add(retentionRests*time.Since(began))) != nil {
			return nil
		}
		after = last
	}
	return nil
}

// transactions archives and forgets a batch of transactions after a number. It returns the number of the last it has looked
// at, and whether there may be more.
func (r *Retention) transactions(ctx context.Context, before time.Time, after int64) (last int64, more bool, err error) {
	settled, err := r.Store.Settled(ctx, nil, after, retentionBatch)
	if err != nil {
		return 0, false, err
	}
	more = len(settled) == retentionBatch
	var over []Past
	for _, t := range settled {
		if !t.SettledAt.Before(before) { // and so are those that were settled after it
			more = false
			break
		}
		last = t.EventID
		past, stays, err := r.past(ctx, t)
		if err != nil {
			return 0, false, err
		}
		if !stays {
			over = append(over, past)
		}
	}
	if len(over) == 0 {
		return last, more, nil
	}
	if err := r.Archive.Keep(time.Now(), over, nil); err != nil {
		return 0, false, err
	}
	r.Archived.Add(int64(len(over)))
	forgotten, err := r.Store.Forget(ctx, over)
	r.Forgotten.Add(int64(forgotten))
	return last, more, err
}

// past reads what is to be archived of a transaction, and reports whether it stays on record all the same.
func (r *Retention) past(ctx context.Context, t Transaction) (p Past, stays bool, err error) {
	p.Transaction = t
	if p.Evidence, err = r.Store.History(ctx, t.ID); err != nil {
		return p, false, err
	}
	notices, err := r.Store.NoticesOf(ctx, t.ID)
	stays = slices.ContainsFunc(p.Evidence, func(e Evidence) bool { return e.Conflict }) ||
		slices.ContainsFunc(notices, func(n Notice) bool { return n.State() == NoticePending })
	return p, stays, err
}

func (r *Retention) webhooks(ctx context.Context, before time.Time) error {
	for ctx.Err() == nil {
		stranded, err := r.Store.Stranded(ctx, before, retentionBatch)
		if err != nil || len(stranded) == 0 {
			return err
		}
		if err := r.Archive.Keep(time.Now(), nil, stranded); err != nil {
			return err
		}
		r.Archived.Add(int64(len(stranded)))
		for _, w := range stranded {
			if err := r.Store.Unpark(ctx, w); err != nil {
				return err
			}
			r.Forgotten.Add(1)
		}
	}
	return nil
}
