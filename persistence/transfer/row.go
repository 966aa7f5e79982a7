package transfer

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
)

// A Row holds the values of a table's columns in their order: nil for NULL, an int64, or []byte. It is the form in which
// stores are compared, whatever their own types are.
type Row []any

// The first byte of a value as it is digested. What follows has a length of its own, so that no two rows are alike in it.
const (
	isNull   = 0
	isNumber = 1
	isBytes  = 2
)

// appendTo appends what is digested of a row.
func (r Row) appendTo(to []byte) ([]byte, error) {
	for i, value := range r {
		switch value := value.(type) {
		case nil:
			to = append(to, isNull)
		case int64:
			to = binary.BigEndian.AppendUint64(append(to, isNumber), uint64(value))
		case []byte:
			to = binary.BigEndian.AppendUint64(append(to, isBytes), uint64(len(value)))
			to = append(to, value...)
		default:
			return nil, fmt.Errorf("column %d is %T, which no store returns", i, value)
		}
	}
	return to, nil
}

// A Sum says what rows are, one after the other.
type Sum struct {
	Rows   int64
	Bytes  int64 // of their values as they are digested
	Digest [sha256.Size]byte
}

// A summer adds rows up.
type summer struct {
	sum  Sum
	hash hash.Hash
	row  []byte // kept, so that not each row needs another
}

func newSummer() *summer { return &summer{hash: sha256.New()} }

// add adds a row, and returns how many bytes it has.
func (s *summer) add(r Row) (size int, err error) {
	if s.row, err = r.appendTo(s.row[:0]); err != nil {
		return 0, err
	}
	s.hash.Write(s.row) // never fails (hash.Hash)
	s.sum.Rows++
	s.sum.Bytes += int64(len(s.row))
	return len(s.row), nil
}

func (s *summer) done() Sum {
	s.hash.Sum(s.sum.Digest[:0])
	return s.sum
}

// inOrder reports whether key a is before b.
func inOrder(a, b any) bool {
	if a, ok := a.(int64); ok {
		b, ok := b.(int64)
		return ok && cmp.Less(a, b)
	}
	x, _ := a.([]byte)
	y, ok := b.([]byte)
	return ok && bytes.Compare(x, y) < 0
}
