package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/transfer"
)

// While a store is moved into a database, the tables have other names there, and in the place of the one that every Verdict
// reads first is a view that says why. So no gateway works on half a record, of whichever release it is, and also none that
// was running on the empty one.
const (
	findMove = `SELECT to_regclass('moving') IS NOT NULL`
	readMove = `SELECT origin, name FROM moving`
	makeMove = `CREATE TABLE moving (origin bytea NOT NULL, name text NOT NULL)`
	keepMove = `INSERT INTO moving (origin, name) VALUES ($1, $2)`

	makeRefusal = `CREATE FUNCTION refuse_while_moving() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION USING MESSAGE = 'the move from ' || (SELECT name FROM moving) ||
			' into this database isn''t finished; run verdict migrate again, or give another database';
		END $$`
	refuse = `CREATE VIEW schema_version AS SELECT * FROM moving_schema_version WHERE refuse_while_moving()`

	endMove = `DROP VIEW schema_version; DROP FUNCTION refuse_while_moving(); DROP TABLE moving`
)

func stagedName(table string) string { return "moving_" + table }

// stagedTables are all tables of a store.
func stagedTables() []string {
	names := []string{"schema_version"}
	for _, t := range transfer.Tables() {
		names = append(names, t.Name)
	}
	return names
}

// staged reports whether the same store was being moved into this database before. It refuses if another was.
func (t *Target) staged(ctx context.Context, from transfer.Origin) (yes bool, err error) {
	var origin []byte
	var name string
	err = t.within(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, findMove).Scan(&yes); err != nil || !yes {
			return err
		}
		return tx.QueryRow(ctx, readMove).Scan(&origin, &name)
	})
	if err == nil && yes && !bytes.Equal(origin, from.Identity[:]) {
		err = fmt.Errorf("another record, %s, is being moved into it; finish that, or give an empty database or schema", name)
	}
	return yes, err
}

// stage makes a database that nothing is in the target of a move.
func (t *Target) stage(ctx context.Context, from transfer.Origin) error {
	return t.within(ctx, func(tx pgx.Tx) error {
		for _, name := range stagedTables() {
			if _, err := tx.Exec(ctx, "ALTER TABLE "+name+" RENAME TO "+stagedName(name)); err != nil {
				return err
			}
		}
		if err := mustBeEmpty(ctx, tx); err != nil { // which it stays: the tables are locked and then gone
			return err
		}
		for _, statement := range []string{makeMove, makeRefusal, refuse} {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, keepMove, from.Identity[:], from.Name)
		return err
	})
}

var errNotEmpty = errors.New("it holds a record already; give an empty database or schema")

func mustBeEmpty(ctx context.Context, tx pgx.Tx) error {
	for _, t := range transfer.Tables() {
		query := "SELECT EXISTS (SELECT FROM " + stagedName(t.Name) + ")"
		if t.Name == "meta" {
			query = "SELECT EXISTS (SELECT FROM " + stagedName(t.Name) + " WHERE event > 0)"
		}
		var used bool
		if err := tx.QueryRow(ctx, query).Scan(&used); err != nil {
			return err
		}
		if used {
			return errNotEmpty
		}
	}
	return nil
}

// Finish implements transfer.Target. The numbers of what comes go on after those of what was moved.
func (t *Target) Finish(ctx context.Context) error {
	return t.within(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, endMove, pgx.QueryExecModeSimpleProtocol); err != nil { // which takes several statements
			return err
		}
		for _, name := range stagedTables() {
			if _, err := tx.Exec(ctx, "ALTER TABLE "+stagedName(name)+" RENAME TO "+name); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "ANALYZE "+name); err != nil {
				return err
			}
		}
		for _, name := range []string{"evidence", "parked"} {
			next := `SELECT setval(pg_get_serial_sequence($1, 'number'), max(number)) FROM ` + name + ` HAVING max(number) > 0`
			if _, err := tx.Exec(ctx, next, name); err != nil {
				return err
			}
		}
		return nil
	})
}
