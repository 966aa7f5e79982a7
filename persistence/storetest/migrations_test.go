package storetest

import (
	"regexp"
	"strings"
	"testing"

	"verdict/persistence/relational"
)

var dialect = Dialect{
	Column: regexp.MustCompile(`^bigint( NOT NULL DEFAULT \d+| DEFAULT \d+)?$`),
	Index:  "CREATE INDEX IF NOT EXISTS ",
}

const first = "CREATE TABLE t (id bigint PRIMARY KEY);\nCREATE UNIQUE INDEX one ON t (id);\nCREATE INDEX many ON t (id);"

func TestAMigrationThatOnlyExpandsIsFine(t *testing.T) {
	const expands = `-- Rows of before have none; DROP TABLE in a comment is none.
		ALTER TABLE t ADD COLUMN a bigint; -- which may be NULL
		ALTER TABLE t ADD COLUMN b bigint NOT NULL DEFAULT 0;
		CREATE TABLE u (id bigint NOT NULL UNIQUE);
		CREATE UNIQUE INDEX two ON u (id);
		CREATE TABLE v (id bigint REFERENCES u (id), older bigint REFERENCES v);
		CREATE INDEX IF NOT EXISTS three
			ON t (b);
		DROP INDEX many;`
	all := []relational.Migration{
		{Version: 1, Oldest: 1, SQL: first}, {Version: 2, Oldest: 1, SQL: expands},
		{Version: 3, Oldest: 2, Contracts: true, SQL: "ALTER TABLE t DROP COLUMN a"}, {Version: 4, Oldest: 2, SQL: "-- nothing"},
	}
	if found := violations(all, dialect); len(found) > 0 {
		t.Error(found)
	}
}

func TestAMigrationThatBinariesOfBeforeCannotLiveWithIsFound(t *testing.T) {
	for text, want := range map[string]string{
		"ALTER TABLE t ADD COLUMN a bigint NOT NULL":                                               "know nothing to put there",
		"ALTER TABLE t ADD COLUMN a bigint DEFAULT random()":                                       "touches every row",
		"ALTER TABLE t ADD COLUMN a bigint NOT NULL DEFAULT 0 CHECK (a)":                           "know nothing to put there",
		"CREATE UNIQUE INDEX two ON t (a)":                                                         "may store what it refuses",
		"CREATE INDEX two ON t (a)":                                                                "isn't as CREATE INDEX IF NOT EXISTS",
		"DROP INDEX one":                                                                           "rely on it",
		"ALTER TABLE t DROP COLUMN a":                                                              "more than add",
		"ALTER TABLE t RENAME COLUMN a TO b":                                                       "more than add",
		"ALTER TABLE t ALTER COLUMN a TYPE text":                                                   "more than add",
		"CREATE TABLE u (id bigint); DROP TABLE t":                                                 "more than add",
		"CREATE TABLE u (id bigint REFERENCES t)":                                                  "binds t",
		"CREATE TABLE u (id bigint, FOREIGN KEY (id) references t (id))":                           "binds t",
		"CREATE TABLE u (id bigint REFERENCES u, t_id bigint REFERENCES t (id) ON DELETE CASCADE)": "binds t",
		`CREATE TABLE u (id bigint REFERENCES "t"("id"))`:                                          `binds "t"`,
		"CREATE TABLE u (id bigint) INHERITS (t)":                                                  "binds t",
		"UPDATE t SET id = 2":                                                                      "more than add",
		"CREATE TRIGGER u AFTER INSERT ON t SELECT 1":                                              "more than add",
	} {
		all := []relational.Migration{{Version: 1, Oldest: 1, SQL: first}, {Version: 2, Oldest: 1, Name: "0002", SQL: text}}
		if found := violations(all, dialect); len(found) != 1 || !strings.Contains(found[0], want) {
			t.Errorf("%s: found %q, want %q", text, found, want)
		}
	}
	for want, second := range map[string]relational.Migration{
		"the release before it can't live with it":      {Version: 2, Oldest: 2},
		"it contracts, and yet every binary may use it": {Version: 2, Oldest: 1, Contracts: true, SQL: "DROP TABLE t"},
	} {
		found := violations([]relational.Migration{{Version: 1, Oldest: 1, SQL: first}, second}, dialect)
		if len(found) != 1 || !strings.Contains(found[0], want) {
			t.Errorf("found %q, want %q", found, want)
		}
	}
}
