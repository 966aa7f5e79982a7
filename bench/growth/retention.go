package growth

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/path"
)

// retained is for how long the one with a retention keeps transactions.
const retained = 90 * 24 * time.Hour

// retaining is Verdict with a record, which archives and deletes what is old.
func retaining(file string) path.Contender {
	serve := path.Verdict("", func(c *cluster.GatewayConfig) {
		c.Database = "sqlite:" + file
		c.Env = append(c.Env, "VERDICT_RETENTION_TRANSACTIONS="+retained.String(), "VERDICT_RETENTION_ARCHIVE="+filepath.Join(filepath.Dir(file), "archive"))
	})
	return path.Contender{Start: func(ctx context.Context, w *path.World) (*daemon.Daemon, string, error) {
		if err := freeMinute(ctx, file); err != nil {
			return nil, "", err
		}
		return serve.Start(ctx, w)
	}}
}

// freeMinute has a record forget which instance deletes in this minute: the one of the round before did, and was ended.
func freeMinute(ctx context.Context, file string) (err error) {
	db, err := openRecord(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, `DELETE FROM spent WHERE name LIKE 'retention %'`)
	return err
}

// oldLeft counts the transactions on record that were filled in as old.
func oldLeft(ctx context.Context, file string) (count int, err error) {
	db, err := openRecord(file)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM transactions WHERE stage = 'settled' AND event_id <= (SELECT released FROM meta)`).Scan(&count)
	return count, err
}
