package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
)

// oldest is the first SQLite in which a log that starts anew while another connection takes a checkpoint can't corrupt
// the database (https://sqlite.org/wal.html, "The WAL-Reset Bug").
const oldest = "3.51.3"

// secure makes sure that a commit on the writer's connection survives a power cut: it syncs the log before others see it
// (https://sqlite.org/pragma.html#pragma_synchronous, FULL).
func secure(ctx context.Context, conn *sql.Conn) error {
	var version, journal, synchronous string
	for query, answer := range map[string]*string{
		"SELECT sqlite_version()": &version, "PRAGMA journal_mode": &journal, "PRAGMA synchronous": &synchronous,
	} {
		if err := conn.QueryRowContext(ctx, query).Scan(answer); err != nil {
			return mend(fmt.Errorf("%s: %w", query, err))
		}
	}
	if older(version, oldest) {
		return fmt.Errorf("SQLite %s can corrupt its log; build with %s or later", version, oldest)
	}
	if journal != "wal" || synchronous != "2" { // 2 is FULL
		return fmt.Errorf("journal mode %s and synchronous %s instead of wal and 2; give a path on a local disk", journal, synchronous)
	}
	for _, pragma := range []string{
		"PRAGMA wal_autocheckpoint = 0", // the writer takes checkpoints itself
		fmt.Sprintf("PRAGMA journal_size_limit = %d", restartFrames*4096),
	} {
		if _, err := conn.ExecContext(ctx, pragma); err != nil {
			return fmt.Errorf("%s: %w", pragma, err)
		}
	}
	return nil
}

// connect connects, and tries again for a while when several processes want to make a new file a log at once:
// SQLite tells the losers at once that it is busy, in spite of the busy timeout.
func connect(ctx context.Context, pool *sql.DB) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, busyTimeout*time.Millisecond)
	defer cancel()
	for {
		conn, err := pool.Conn(ctx)
		if !isCode(err, sqlite3.ErrBusy) {
			return conn, mend(err)
		}
		select {
		case <-ctx.Done():
			return nil, mend(err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// mend adds to an error of opening what to do about it.
func mend(err error) error {
	switch {
	case isCode(err, sqlite3.ErrNotADB), isCode(err, sqlite3.ErrCorrupt):
		return fmt.Errorf("%w; restore the file from a backup, or give another path", err)
	case isCode(err, sqlite3.ErrCantOpen), isCode(err, sqlite3.ErrPerm), isCode(err, sqlite3.ErrReadonly), isCode(err, sqlite3.ErrIoErr):
		return fmt.Errorf("%w; give the path of a file that this user may write, on a local disk", err)
	case isCode(err, sqlite3.ErrBusy):
		return fmt.Errorf("%w; end the process that keeps the file locked", err)
	}
	return err
}

// isCode reports whether err is an error of SQLite with that primary code.
func isCode(err error, code sqlite3.ErrNo) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == code
}

// isExtended reports whether err is an error of SQLite with that extended code.
func isExtended(err error, code sqlite3.ErrNoExtended) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.ExtendedCode == code
}

// older reports whether version a, as in 3.51.3, is before b.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x < y
		}
	}
	return len(as) < len(bs)
}
