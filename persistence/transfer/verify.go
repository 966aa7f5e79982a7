package transfer

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"
)

// A Comparison is what a table is in both stores, each read back as it stands there.
type Comparison struct {
	Table          string
	Source, Target Sum
}

// Same reports whether the table is the same in both.
func (c Comparison) Same() bool { return c.Source == c.Target }

// compareAll compares all tables. If one differs it returns ErrDifferent.
func compareAll(ctx context.Context, from Source, to Target, m *meter) (compared []Comparison, err error) {
	for _, t := range Tables() {
		c, e := compare(ctx, from, to, t, m)
		if e != nil {
			return compared, fmt.Errorf("verify %s: %w", t.Name, e)
		}
		if !c.Same() {
			err = ErrDifferent
		}
		compared = append(compared, c)
	}
	return compared, err
}

// compare reads both at once.
func compare(ctx context.Context, from Source, to Target, t Table, m *meter) (Comparison, error) {
	c := Comparison{Table: t.Name}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		c.Source, err = sum(from.Rows(ctx, t, Range{}))
		return err
	})
	var err error
	c.Target, err = sum(counted(to.Rows(ctx, t, Range{}), t, m))
	if e := both.Wait(); e != nil {
		return c, e
	}
	return c, err
}

// counted has a meter go on with the rows.
func counted(rows iter.Seq2[Row, error], t Table, m *meter) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		n := 0
		for row, err := range rows {
			if n++; n%chunkRows == 0 {
				m.passed(t, chunkRows)
			}
			if !yield(row, err) {
				return
			}
		}
		m.passed(t, n%chunkRows)
	}
}
