package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// check refuses what is no record, and a record that can't be moved whole. It changes nothing in the file.
func check(ctx context.Context, path string) (err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no such file; give the path in the gateway's setting database")
	}
	if err != nil {
		return err
	}
	// SQLite has the log beside the name by which the file was opened (https://sqlite.org/howtocorrupt.html, section 2.4).
	if names, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() && names.Nlink > 1 {
		return errors.New("the file has several names (hard links), and the gateway's log is beside one of them alone: what is in it " +
			"would be left behind; remove the other names, and give the one in the gateway's setting database")
	}
	reader, err := sql.Open("sqlite3", dsn(path, "mode=ro"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	var ours bool
	if err := reader.QueryRowContext(ctx, findRecord).Scan(&ours); err != nil {
		return mend(err)
	}
	if !ours {
		return errors.New("it holds no record of Verdict; give the path in the gateway's setting database")
	}
	return nil
}

// findRecord is true of every version of the schema.
const findRecord = `SELECT count(*) = 2 FROM pragma_table_info('meta') WHERE name IN ('event', 'secret')`
