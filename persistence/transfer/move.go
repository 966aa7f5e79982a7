package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
)

// A Reader is a store that is read table by table.
type Reader interface {
	// Count returns how many rows a table has.
	Count(ctx context.Context, t Table) (int64, error)

	// Rows returns the rows whose keys are in a range, in the order of their keys. A row and its bytes are the caller's.
	// The reader does nothing else until that has ended.
	Rows(ctx context.Context, t Table, in Range) iter.Seq2[Row, error]
}

// A Source is the store that is moved. Nothing changes in it as long as it is open.
type Source interface {
	Reader

	// Leave marks the source, durably, as moved to a place: nobody can open it or write to it any more, and whoever tries is
	// told the place. If it is marked so already, nothing happens.
	Leave(ctx context.Context, to string) error
}

// A Target is the store that is moved to. No gateway can open it before it is finished.
type Target interface {
	Reader

	// Replace puts rows in place of all that is there in a range, or does nothing.
	Replace(ctx context.Context, t Table, in Range, with []Row) error

	// Place is where the target is, without a password.
	Place() string

	// Finish has the source left, and makes a store of the target that gateways can open, durably. It does neither if
	// another move into the target has begun since this one did, and none begins before it returns.
	Finish(ctx context.Context, leave func() error) error
}

// ErrDifferent: the target isn't as the source is after all was copied. The source is as it was.
var ErrDifferent = errors.New("the copy differs from the source, which stays as it is")

// Move makes the target as the source is, compares both, and marks the source as moved. It returns what was compared.
//
// It may be ended at any point and called again: what is there already isn't copied again. watch is told what was done, in
// the goroutine of the caller.
func Move(ctx context.Context, from Source, to Target, watch func(Progress)) ([]Comparison, error) {
	total := int64(0)
	for _, t := range Tables() {
		rows, err := from.Count(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("count %s: %w", t.Name, err)
		}
		total += rows
	}
	copying := &meter{watch: watch, at: Progress{Doing: "copying", Total: total}}
	for _, t := range Tables() {
		if err := fill(ctx, from, to, t, copying); err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.Name, err)
		}
	}
	verifying := &meter{watch: watch, at: Progress{Doing: "verifying", Total: total}}
	compared, err := compareAll(ctx, from, to, verifying)
	if err != nil {
		return compared, err
	}
	// From here on it is done in any case: the source is nobody's when it is marked, and the target not before it is finished.
	ctx = context.WithoutCancel(ctx)
	left := false
	err = to.Finish(ctx, func() error {
		if err := from.Leave(ctx, to.Place()); err != nil {
			return fmt.Errorf("mark the source as moved: %w", err)
		}
		left = true
		return nil
	})
	switch {
	case err != nil && left:
		return compared, fmt.Errorf("the source is marked as moved, but the target isn't finished: %w; run it again", err)
	case err != nil:
		return compared, fmt.Errorf("%w; run it again", err)
	}
	return compared, nil
}

// fill makes a table of the target as it is in the source. All that differs is removed before the first row is copied: a
// row that has changed may be unique only once another is gone.
func fill(ctx context.Context, from Source, to Target, t Table, m *meter) error {
	stale, err := dropStale(ctx, from, to, t, m)
	if err != nil {
		return err
	}
	for _, in := range stale {
		if err := copyRange(ctx, from, to, t, in, m); err != nil {
			return err
		}
	}
	return nil
}

// dropStale empties the ranges of the target in which it differs from the source, and returns them.
func dropStale(ctx context.Context, from Source, to Target, t Table, m *meter) (stale []Range, err error) {
	rows, err := to.Count(ctx, t)
	if err != nil || rows == 0 {
		return []Range{{}}, err
	}
	for chunk, err := range chunks(ctx, from, t, Range{}) {
		if err != nil {
			return nil, err
		}
		there, err := sum(to.Rows(ctx, t, chunk.in))
		if err != nil {
			return nil, err
		}
		if there == chunk.sum {
			m.passed(t, len(chunk.rows))
			continue
		}
		if err := to.Replace(ctx, t, chunk.in, nil); err != nil {
			return nil, err
		}
		stale = appendRange(stale, chunk.in)
	}
	return stale, nil
}

// copyRange copies what is in a range. While a chunk is written the next is read.
func copyRange(ctx context.Context, from Source, to Target, t Table, in Range, m *meter) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	read := make(chan chunk)
	var failed error // of the reader, set before it closes read
	go func() {
		defer close(read)
		failed = send(reading, chunks(reading, from, t, in), read)
	}()
	var err error
	for chunk := range read {
		if err == nil {
			err = to.Replace(ctx, t, chunk.in, chunk.rows)
		}
		if err != nil {
			stop()
			continue // until the reader has ended
		}
		m.copied(t, len(chunk.rows))
	}
	return cmp.Or(err, failed)
}

func send(ctx context.Context, all iter.Seq2[chunk, error], to chan<- chunk) error {
	for chunk, err := range all {
		if err != nil {
			return err
		}
		select {
		case to <- chunk:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
