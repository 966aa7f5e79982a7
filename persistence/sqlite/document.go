package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// A document is a value as a column holds it: JSON. To scan one, of points to the value.
type document struct{ of any }

var (
	_ driver.Valuer = document{}
	_ sql.Scanner   = document{}
)

// Value returns what the column holds.
func (d document) Value() (driver.Value, error) {
	text, err := json.Marshal(d.of)
	return string(text), err
}

// Scan sets the value to what the column holds.
func (d document) Scan(column any) error {
	text, ok := column.(string)
	if !ok {
		return fmt.Errorf("a document is %T, not text", column)
	}
	return json.Unmarshal([]byte(text), d.of)
}

// fromJSON scans a row of one column that holds a document.
func fromJSON[T any](rows row) (v T, err error) {
	err = rows.Scan(document{&v})
	return v, err
}
