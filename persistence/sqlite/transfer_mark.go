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
	for _, trigger := range refusals(to) {
		if _, err := s.conn.ExecContext(ctx, trigger); err != nil {
			return err
		}
	}
	_, err := s.conn.ExecContext(ctx, "COMMIT")
	return err
}

// refusals make the triggers.
func refusals(to string) (statements []string) {
	why := "'" + strings.ReplaceAll(errMoved(to).Error(), "'", "''") + "'"
	for _, t := range transfer.Tables() {
		for _, change := range []string{"INSERT", "UPDATE", "DELETE"} {
			statements = append(statements, fmt.Sprintf("CREATE TRIGGER moved_%s_%s BEFORE %s ON %s BEGIN SELECT RAISE(ABORT, %s); END",
				t.Name, strings.ToLower(change), change, t.Name, why))
		}
	}
	return statements
}
