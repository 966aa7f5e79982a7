package postgres

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// A moment is a time as a column holds it: Unix nanoseconds, which reach from 1677 to 2262, or NULL for the zero time.
type moment time.Time

var (
	_ pgtype.Int64Valuer  = moment{}
	_ pgtype.Int64Scanner = (*moment)(nil)
)

// Int64Value returns what the column holds.
func (m moment) Int64Value() (pgtype.Int8, error) {
	return pgtype.Int8{Int64: time.Time(m).UnixNano(), Valid: !time.Time(m).IsZero()}, nil
}

// ScanInt64 sets m to the time that the column holds, in UTC.
func (m *moment) ScanInt64(n pgtype.Int8) error {
	*m = moment{}
	if n.Valid {
		*m = moment(time.Unix(0, n.Int64).UTC())
	}
	return nil
}
