package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Restore makes a store in a new file at to of the copy at from: a backup, or any other copy of a store's file. fit makes the
// copy fit for use, see verdict.Restoring; only after that the file gets its name. The copy at from stays as it is.
func Restore(ctx context.Context, from, to string, fit func(*Store) error) (c Copy, err error) {
	to, err = filepath.Abs(to)
	if err != nil {
		return Copy{}, fmt.Errorf("restore: %w", err)
	}
	for _, end := range []string{"", "-wal", "-shm"} { // a log would be taken for the new file's
		if _, err := os.Lstat(to + end); !errors.Is(err, fs.ErrNotExist) {
			return Copy{}, fmt.Errorf("restore: %s is there already; move it away, with what is beside it, and keep it: "+
				"it may tell what the copy doesn't", to+end)
		}
	}
	if err := check(ctx, from); err != nil {
		return Copy{}, fmt.Errorf("restore %s: %w", from, err)
	}
	var made time.Time
	err = build(to, func(path string) error {
		c, err = copyStore(ctx, from, path, func(conn *sql.Conn) (err error) {
			made, err = breakSeal(ctx, conn)
			return err
		})
		if err != nil {
			return err
		}
		return refit(ctx, path, fit)
	})
	if err != nil {
		return Copy{}, fmt.Errorf("restore %s to %s: %w", from, to, err)
	}
	c.Path, c.At = to, made
	return c, nil
}

// refit opens a store for fit, and closes it so that all is in the file.
func refit(ctx context.Context, path string, fit func(*Store) error) error {
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(fit(s), s.Close())
}
