package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"
)

// A moment is a time as a column holds it: Unix nanoseconds, which reach from 1677 to 2262, or NULL for the zero time.
type moment time.Time

var (
	_ driver.Valuer = moment{}
	_ sql.Scanner   = (*moment)(nil)
)

// Value returns what the column holds.
func (m moment) Value() (driver.Value, error) {
	if time.Time(m).IsZero() {
		return nil, nil
	}
	return time.Time(m).UnixNano(), nil
}

// Scan sets m to the time that the column holds, in UTC.
func (m *moment) Scan(column any) error {
	switch n := column.(type) {
	case nil:
		*m = moment{}
	case int64:
		*m = moment(time.Unix(0, n).UTC())
	default:
		return fmt.Errorf("a time is %T, not an integer", column)
	}
	return nil
}
