package postgres

import "github.com/jackc/pgx/v5/pgtype"

// A word is a string as a column of bytea holds it: any bytes.
type word string

var (
	_ pgtype.BytesValuer  = word("")
	_ pgtype.BytesScanner = (*word)(nil)
)

// BytesValue returns what the column holds.
func (w word) BytesValue() ([]byte, error) { return append([]byte{}, w...), nil }

// ScanBytes sets w to what the column holds.
func (w *word) ScanBytes(column []byte) error {
	*w = word(column)
	return nil
}
