package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// A backup is sealed, as a store that was moved is marked: whatever is written is refused, and so Open by any release. A
// gateway that took a copy for the record would send again what was sent since, and number other events alike.
const (
	findSeal = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'sealed'`
	readSeal = `SELECT at FROM sealed`
	makeSeal = `CREATE TABLE sealed (at INTEGER NOT NULL) STRICT`
	keepSeal = `INSERT INTO sealed (at) VALUES (?)`
	dropSeal = `DROP TABLE sealed`
)

var errSealed = errors.New("this is a backup: what has happened since it was made isn't in it; bring it into use with verdict restore")

func putSeal(ctx context.Context, conn *sql.Conn, at time.Time) error {
	if sealed, err := isSealed(ctx, conn); err != nil || sealed {
		return err // a copy of a backup is as old as that
	}
	if _, err := conn.ExecContext(ctx, makeSeal); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, keepSeal, moment(at)); err != nil {
		return err
	}
	return refuseWrites(ctx, conn, "sealed", errSealed)
}

// breakSeal takes the seal away and returns when it was put on; the zero time if there was none.
func breakSeal(ctx context.Context, conn *sql.Conn) (at time.Time, err error) {
	if sealed, err := isSealed(ctx, conn); err != nil || !sealed {
		return time.Time{}, err
	}
	if err := conn.QueryRowContext(ctx, readSeal).Scan((*moment)(&at)); err != nil {
		return time.Time{}, err
	}
	if err := allowWrites(ctx, conn, "sealed"); err != nil {
		return time.Time{}, err
	}
	_, err = conn.ExecContext(ctx, dropSeal)
	return at, err
}

func isSealed(ctx context.Context, conn *sql.Conn) (bool, error) {
	var seals int
	err := conn.QueryRowContext(ctx, findSeal).Scan(&seals)
	return seals > 0, err
}
