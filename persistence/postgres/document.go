package postgres

import (
	"encoding/json"

	"github.com/jackc/pgx/v5/pgtype"
)

// A document is a value as a column holds it: JSON. To scan one, of points to the value.
type document struct{ of any }

var (
	_ pgtype.TextValuer  = document{}
	_ pgtype.TextScanner = document{}
)

// TextValue returns what the column holds.
func (d document) TextValue() (pgtype.Text, error) {
	text, err := json.Marshal(d.of)
	return pgtype.Text{String: string(text), Valid: true}, err
}

// ScanText sets the value to what the column holds.
func (d document) ScanText(column pgtype.Text) error {
	return json.Unmarshal([]byte(column.String), d.of)
}
