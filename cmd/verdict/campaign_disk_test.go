package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "github.com/mattn/go-sqlite3"    // the driver "sqlite3"
)

// readDisk reads the SQLite file as any other program would.
func readDisk(ctx context.Context, path string) (onDisk, error) {
	return readRecord(ctx, "sqlite3", "file:"+path+"?mode=ro&_busy_timeout=5000")
}

// readRecord reads a database of whichever kind.
func readRecord(ctx context.Context, driver, source string) (d onDisk, err error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return d, err
	}
	defer db.Close()
	ofOneMoment := &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead} // which SQLite's are in any case
	tx, err := db.BeginTx(ctx, ofOneMoment)
	if err != nil {
		return d, err
	}
	defer tx.Rollback()
	err = readAll(tx, `SELECT id, key, provider, status, stage, payload, event_id, coalesce(created_at, 0), coalesce(sent_at, 0),
		coalesce(settled_at, 0) FROM transactions ORDER BY created_at, id`, func(scan scanFunc) error {
		var r diskRow
		var created, sent, settled int64
		err := scan(&r.id, &r.key, &r.partner, &r.status, &r.stage, &r.payload, &r.event, &created, &sent, &settled)
		r.created, r.sent, r.settled = time.Unix(0, created), time.Unix(0, sent), time.Unix(0, settled)
		d.rows = append(d.rows, r)
		return err
	})
	if err != nil {
		return d, err
	}
	err = readAll(tx, `SELECT transaction_id, source, outcome, coalesce(asked, 0), coalesce(at, 0), conflict, coalesce(raw, '')
		FROM evidence ORDER BY number`, func(scan scanFunc) error {
		var e diskEvidence
		var asked, at int64
		err := scan(&e.transaction, &e.source, &e.outcome, &asked, &at, &e.conflict, &e.raw)
		e.asked, e.at = time.Unix(0, asked), time.Unix(0, at)
		d.evidence = append(d.evidence, e)
		return err
	})
	if err != nil {
		return d, err
	}
	err = readAll(tx, `SELECT transaction_id, coalesce(body, '') FROM parked`, func(scan scanFunc) error {
		var w hooking
		err := scan(&w.transaction, &w.body)
		d.parked = append(d.parked, w)
		return err
	})
	if err != nil {
		return d, err
	}
	return d, readAll(tx, `SELECT transaction_id FROM outbox`, func(scan scanFunc) error {
		var id string
		err := scan(&id)
		d.outbox = append(d.outbox, id)
		return err
	})
}

type scanFunc = func(into ...any) error

// readAll has take scan each row of a query's answer.
func readAll(tx *sql.Tx, query string, take func(scanFunc) error) error {
	rows, err := tx.Query(query)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return rows.Err()
}

// writable reports whether the database can be written to: a process that was stopped in the middle of a commit keeps
// everybody else from it.
func writable(ctx context.Context, path string) bool {
	db, err := sql.Open("sqlite3", "file:"+path+"?mode=rw&_busy_timeout=500&_txlock=immediate")
	if err != nil {
		return false
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	return err == nil && tx.Rollback() == nil
}
