package transfer

import (
	"context"
	"fmt"
	"iter"
)

const (
	// chunkRows and chunkBytes bound what is copied, or copied again, at once, and what is in memory: one chunk that is read
	// and one that is written.
	chunkRows  = 4096
	chunkBytes = 4 << 20
)

// A Range is the keys above After, up to and with Until. nil is no bound.
type Range struct{ After, Until any }

// A chunk is the rows of a range.
type chunk struct {
	in   Range
	rows []Row
	sum  Sum
}

// chunks divides the rows of a range. Where a chunk ends follows from the rows alone, and together they cover the range:
// what another store has between two rows is in the range of one.
func chunks(ctx context.Context, from Reader, t Table, in Range) iter.Seq2[chunk, error] {
	return func(yield func(chunk, error) bool) {
		rows, s := []Row(nil), newSummer()
		for row, err := range from.Rows(ctx, t, in) {
			if err == nil && len(rows) > 0 && !inOrder(rows[len(rows)-1][0], row[0]) {
				err = fmt.Errorf("%s isn't in the order of %s", t.Name, t.Key().Name)
			}
			if err == nil && (len(rows) == chunkRows || s.sum.Bytes >= chunkBytes) {
				last := rows[len(rows)-1][0]
				if !yield(chunk{Range{in.After, last}, rows, s.done()}, nil) {
					return
				}
				in.After, rows, s = last, nil, newSummer()
			}
			if err == nil {
				_, err = s.add(row)
			}
			if err != nil {
				yield(chunk{}, err)
				return
			}
			rows = append(rows, row)
		}
		yield(chunk{in, rows, s.done()}, nil)
	}
}

// sum adds up the rows of a range.
func sum(rows iter.Seq2[Row, error]) (Sum, error) {
	s := newSummer()
	for row, err := range rows {
		if err == nil {
			_, err = s.add(row)
		}
		if err != nil {
			return Sum{}, err
		}
	}
	return s.done(), nil
}

// appendRange appends a range that comes after the others, as one with the last if they meet.
func appendRange(ranges []Range, next Range) []Range {
	if n := len(ranges); n > 0 && sameKey(ranges[n-1].Until, next.After) {
		ranges[n-1].Until = next.Until
		return ranges
	}
	return append(ranges, next)
}

func sameKey(a, b any) bool { return !inOrder(a, b) && !inOrder(b, a) }
