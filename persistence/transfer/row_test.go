package transfer

import (
	"bytes"
	"context"
	"iter"
	"testing"

	"pgregory.net/rapid"
)

// aTable has a key and one more column.
var aTable = Table{"a", []Column{{"key", Word}, {"value", Bytes}}}

// kept is a reader of rows that are in order.
type kept []Row

func (k kept) Count(context.Context, Table) (int64, error) { return int64(len(k)), nil }

func (k kept) Rows(_ context.Context, _ Table, in Range) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for _, row := range k {
			if (in.After == nil || inOrder(in.After, row[0])) && (in.Until == nil || !inOrder(in.Until, row[0])) && !yield(row, nil) {
				return
			}
		}
	}
}

func TestRowsThatDifferAreDigestedToDifferentBytes(t *testing.T) {
	value := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 3), func(b []byte) any { return b }))
	rapid.Check(t, func(t *rapid.T) {
		a := Row(rapid.SliceOfN(value, 2, 2).Draw(t, "a"))
		b := Row(rapid.SliceOfN(value, 2, 2).Draw(t, "b"))
		x, _ := a.appendTo(nil)
		y, err := b.appendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		alike := true
		for i := range a {
			alike = alike && alikeValues(a[i], b[i])
		}
		if bytes.Equal(x, y) != alike {
			t.Errorf("%v and %v are digested as %x and %x", a, b, x, y)
		}
	})
	if _, err := (Row{"text"}).appendTo(nil); err == nil {
		t.Error("a string is taken, which one store returns and another doesn't")
	}
}

func alikeValues(a, b any) bool {
	x, ok := a.([]byte)
	y, too := b.([]byte)
	if ok && too {
		return bytes.Equal(x, y)
	}
	return ok == too && a == b
}

// TestChunksCoverARange: each row is in one chunk, each key in the range of one, and a chunk is bounded.
func TestChunksCoverARange(t *testing.T) {
	var rows kept
	for n := range 3*chunkRows + 7 {
		rows = append(rows, Row{[]byte{byte(n >> 8), byte(n), 'k'}, bytes.Repeat([]byte{1}, n%3*1000)})
	}
	large := bytes.Repeat([]byte{2}, chunkBytes)
	rows = append(rows, Row{[]byte{255, 1}, large}, Row{[]byte{255, 2}, large}, Row{[]byte{255, 3}, large})
	in := Range{After: rows[10][0], Until: []byte{255, 255}}
	var ranges []Range
	var after any = in.After
	n := 11
	for c, err := range chunks(t.Context(), rows, aTable, in) {
		if err != nil {
			t.Fatal(err)
		}
		if !sameKey(c.in.After, after) {
			t.Errorf("a chunk begins after %x, and the one before ends with %x", c.in.After, after)
		}
		after = c.in.Until
		for _, row := range c.rows {
			if !bytes.Equal(row[0].([]byte), rows[n][0].([]byte)) {
				t.Fatalf("row %x, want %x", row[0], rows[n][0])
			}
			n++
		}
		last := c.rows[len(c.rows)-1]
		if len(c.rows) > chunkRows || c.sum.Bytes >= 2*chunkBytes || inOrder(c.in.Until, last[0]) {
			t.Errorf("a chunk has %d rows and %d bytes up to %x, and ends with %x", len(c.rows), c.sum.Bytes, c.in.Until, last[0])
		}
		ranges = appendRange(ranges, c.in)
	}
	if n != len(rows) || len(ranges) != 1 || !sameKey(after, in.Until) {
		t.Errorf("%d of %d rows, in ranges %x", n, len(rows), ranges)
	}
}

func TestRowsInAnotherOrderAreRefused(t *testing.T) {
	rows := kept{Row{int64(2), nil}, Row{int64(1), nil}}
	for _, err := range chunks(t.Context(), rows, aTable, Range{}) {
		if err == nil {
			t.Error("they are taken, and ranges would overlap")
		}
	}
}
