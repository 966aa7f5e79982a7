package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/mattn/go-sqlite3"

	"verdict/persistence/transfer"
)

// A store that was moved is marked in the file itself, so that any release of Verdict takes notice, also one that doesn't
// know of moves: a trigger on each table refuses whatever is written, and Open, which writes to meta, fails with its words.
const (
	findMark = `SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'moved'`
	readMark = `SELECT place FROM moved`
	makeMark = `CREATE TABLE moved (place TEXT NOT NULL) STRICT`
	keepMark = `INSERT INTO moved (place) VALUES (?)`
)

// leftFor returns where a store was moved to, and nothing if it wasn't.
func leftFor(ctx context.Context, conn *sql.Conn) (place string, err error) {
	var marks int
	if err := conn.QueryRowContext(ctx, findMark).Scan(&marks); err != nil || marks == 0 {
		return "", err
	}
	err = conn.QueryRowContext(ctx, readMark).Scan(&place)
	return place, err
}

func errMoved(to string) error {
	return fmt.Errorf("the record was moved to %s; give that as the setting database, with user and password", to)
}

// Leave implements transfer.Source. With it the write lock ends.
func (s *Source) Leave(ctx context.Context, to string) error {
	if s.left != "" {
		return nil
	}
	err := s.mark(ctx, to)
	if isCode(err, sqlite3.ErrFull) {
		return fmt.Errorf("%w; make room on the file's disk", err)
	}
	return err
}

func (s *Source) mark(ctx context.Context, to string) error {
	if _, err := s.conn.ExecContext(ctx, makeMark); err != nil {
		return err
	}
	if _, err := s.conn.ExecContext(ctx, keepMark, to); err != nil {
		return err
	}
	if err := refuseWrites(ctx, s.conn, "moved", errMoved(to)); err != nil {
		return err
	}
	_, err := s.conn.ExecContext(ctx, "COMMIT")
	return err
}

// refuseWrites has whatever is written to the tables of the record fail with the words of why.
func refuseWrites(ctx context.Context, conn *sql.Conn, name string, why error) error {
	words := "'" + strings.ReplaceAll(why.Error(), "'", "''") + "'"
	return eachRefusal(ctx, conn, name, func(trigger, change, table string) string {
		return fmt.Sprintf("CREATE TRIGGER %s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, %s); END", trigger, change, table, words)
	})
}

// allowWrites undoes refuseWrites.
func allowWrites(ctx context.Context, conn *sql.Conn, name string) error {
	return eachRefusal(ctx, conn, name, func(trigger, _, _ string) string { return "DROP TRIGGER IF EXISTS " + trigger })
}

func eachRefusal(ctx context.Context, conn *sql.Conn, name string, statement func(trigger, change, table string) string) error {
	for _, t := range transfer.Tables() {
		for _, change := range []string{"INSERT", "UPDATE", "DELETE"} {
			trigger := fmt.Sprintf("%s_%s_%s", name, t.Name, strings.ToLower(change))
			if _, err := conn.ExecContext(ctx, statement(trigger, change, t.Name)); err != nil {
				return err
			}
		}
	}
	return nil
}
