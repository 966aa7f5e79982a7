package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"verdict/persistence/relational"
	"verdict/persistence/transfer"
)

// While a store is moved into a database, the tables have other names there, and in the place of the one that every Verdict
// reads first is a view that says why. So no gateway works on half a record, of whichever release it is.
const (
	readMove = `SELECT origin, name FROM moving FOR UPDATE`
	takeMove = `UPDATE moving SET run = $1`
	holdMove = `SELECT run FROM moving FOR SHARE`
	makeMove = `CREATE TABLE moving (origin bytea NOT NULL, name text NOT NULL, run bytea NOT NULL)`
	keepMove = `INSERT INTO moving (origin, name, run) VALUES ($1, $2, $3)`

	makeRefusal = `CREATE FUNCTION refuse_while_moving() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION USING MESSAGE = 'the move from ' || (SELECT name FROM moving) ||
			' into this database isn''t finished; run verdict migrate again';
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

// tablesIn returns which tables are there, or whatever else has such a name: of a store, or of a move into it.
func tablesIn(ctx context.Context, tx pgx.Tx) (found []string, err error) {
	names := []string{"moving"}
	for _, name := range stagedTables() {
		names = append(names, name, stagedName(name))
	}
	rows, err := tx.Query(ctx, `SELECT relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE nspname = current_schema() AND relname = ANY($1) ORDER BY relname`, names)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// makeSchema makes the schema that the URL chose if it isn't there, and makes sure that tables can be made in it.
func (t *Target) makeSchema(ctx context.Context) error {
	role, database := pgx.Identifier{t.conn.Config().User}.Sanitize(), pgx.Identifier{t.database}.Sanitize()
	err := t.bounded(ctx, func(tx pgx.Tx) error { return makeSchema(ctx, tx, t.conn.Config().RuntimeParams["search_path"]) })
	if isCode(err, "42501") { // insufficient_privilege
		return fmt.Errorf("%w; GRANT CREATE ON DATABASE %s TO %s", err, database, role)
	}
	if err != nil {
		return err
	}
	var schema string
	var may bool
	const ask = `SELECT quote_ident(current_schema()), has_schema_privilege(current_schema(), 'CREATE')`
	if err := t.conn.QueryRow(ctx, ask).Scan(&schema, &may); err != nil {
		return err
	}
	if !may {
		return fmt.Errorf("the role %s may make no tables in the schema %s; GRANT CREATE ON SCHEMA %[2]s TO %[1]s", role, schema)
	}
	return nil
}

// stage makes an empty database the target of a move. It is one transaction: no gateway finds the tables under the names of
// a store, with a secret of its own.
func (t *Target) stage(ctx context.Context, tx pgx.Tx, from transfer.Origin) error {
	known, err := relational.Migrations(migrations)
	if err != nil {
		return err
	}
	for _, m := range known {
		if err := apply(ctx, tx, m); err != nil {
			return err
		}
	}
	for _, name := range stagedTables() {
		if _, err := tx.Exec(ctx, "ALTER TABLE "+name+" RENAME TO "+stagedName(name)); err != nil {
			return err
		}
	}
	for _, statement := range []string{makeMove, makeRefusal, refuse} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, keepMove, from.Identity[:], from.Name, t.run)
	return err
}

// takeOver goes on with an earlier try to move the same store. It refuses if another store was being moved here.
func (t *Target) takeOver(ctx context.Context, tx pgx.Tx, from transfer.Origin) error {
	var origin []byte
	var name string
	err := tx.QueryRow(ctx, readMove).Scan(&origin, &name)
	switch {
	case isCode(err, "55P03"): // lock_not_available
		return fmt.Errorf("%w; another verdict migrate is at work on it: let one run alone", err)
	case err != nil:
		return err
	case bytes.Equal(origin, from.Identity[:]):
		_, err := tx.Exec(ctx, takeMove, t.run)
		return err
	case from.Left != "":
		return errNotHere(from)
	}
	return fmt.Errorf("another record, %s, is being moved into it; finish that, or give an empty database or schema", name)
}

// own makes sure that no other run has begun since this one did, and that none does before the transaction ends. It stands
// in the database: what holds a lock in a session means nothing to a pooler.
func (t *Target) own(ctx context.Context, tx pgx.Tx) error {
	var run []byte
	err := tx.QueryRow(ctx, holdMove).Scan(&run)
	if isCode(err, "42P01") || err == nil && !bytes.Equal(run, t.run) { // undefined_table: it was finished
		return errors.New("another verdict migrate has begun to move into it since; let one run alone")
	}
	return err
}

// finished returns transfer.ErrFinished if the record that was moved here is here.
func finished(ctx context.Context, tx pgx.Tx, from transfer.Origin, there []string) error {
	if !slices.Contains(there, "meta") {
		return errNotHere(from)
	}
	var made []byte
	if err := tx.QueryRow(ctx, secret).Scan(&made); err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if sha256.Sum256(made) != from.Identity {
		return errNotHere(from)
	}
	return transfer.ErrFinished
}

func errNotHere(from transfer.Origin) error {
	return fmt.Errorf("%s is marked as moved here, and its record isn't here; restore the database, or, if no gateway has stored "+
		"anything in it, take the marks off as docs/moving.md says under \"Going back\", and move again", from.Name)
}

// Finish implements transfer.Target. The numbers of what comes go on after those of what was moved.
func (t *Target) Finish(ctx context.Context, leave func() error) error {
	return t.within(ctx, func(tx pgx.Tx) error {
		if err := leave(); err != nil {
			return err
		}
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
		for _, name := range []string{"evidence", "parked", "notices"} {
			next := `SELECT setval(pg_get_serial_sequence($1, 'number'), max(number)) FROM ` + name + ` HAVING max(number) > 0`
			if _, err := tx.Exec(ctx, next, name); err != nil {
				return err
			}
		}
		return nil
	})
}
