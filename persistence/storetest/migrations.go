package storetest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"verdict/persistence/relational"
)

// A Dialect is what a database adds in no time to a table with rows in it.
type Dialect struct {
	Column *regexp.Regexp // matches a column's definition whole, as in ALTER TABLE name ADD COLUMN definition
	Index  string         // how a statement begins that makes an index on a table that may be large
}

// Migrations checks that each migration but the first only expands what was there, in no time, or says that it contracts.
func Migrations(t *testing.T, all []relational.Migration, d Dialect) {
	t.Helper()
	if len(all) == 0 {
		t.Error("no migrations")
	}
	for _, v := range violations(all, d) {
		t.Error(v)
	}
}

func violations(all []relational.Migration, d Dialect) (found []string) {
	l := &linter{dialect: d, unique: map[string]bool{}}
	for _, m := range all {
		l.own = map[string]bool{}
		for _, s := range statements(m.SQL) {
			if fault := l.fault(s); fault != "" && m.Version > 1 && !m.Contracts {
				found = append(found, fmt.Sprintf("%s: %s: %s", m.Name, fault, s))
			}
		}
		switch {
		case m.Oldest >= m.Version && m.Version > 1:
			found = append(found, m.Name+": the release before it can't live with it")
		case m.Contracts && m.Oldest == 1:
			found = append(found, m.Name+": it contracts, and yet every binary may use it")
		}
	}
	return found
}

// statements are those of a file, without comments, each in one line.
func statements(text string) (all []string) {
	text = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(text, "")
	for s := range strings.SplitSeq(text, ";") {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			all = append(all, s)
		}
	}
	return all
}

// A linter goes through migrations in their order.
type linter struct {
	dialect Dialect
	own     map[string]bool // tables that the migration itself has made
	unique  map[string]bool // indexes that all binaries rely on
}

var (
	makesTable = regexp.MustCompile(`^CREATE TABLE (\w+) \(`)
	makesIndex = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX (?:IF NOT EXISTS )?(\w+) ON (\w+) `)
	dropsIndex = regexp.MustCompile(`^DROP INDEX (?:IF EXISTS )?(\w+)$`)
	bindsTable = regexp.MustCompile(`(?i)\b(?:REFERENCES|INHERITS)\b[ (]*([^ (),]+)`)
	addsColumn = regexp.MustCompile(`^ALTER TABLE (\w+) ADD COLUMN \w+ (.+)$`)
)

// fault says in what way a statement isn't one that binaries of before can live with: "" if it is.
func (l *linter) fault(s string) string {
	if m := makesTable.FindStringSubmatch(s); m != nil {
		l.own[m[1]] = true
		return l.binds(s)
	}
	if m := makesIndex.FindStringSubmatch(s); m != nil {
		unique, name, table := m[1] != "", m[2], m[3]
		l.unique[name] = unique
		switch {
		case l.own[table]:
			return ""
		case unique:
			return "binaries of before may store what it refuses"
		case !strings.HasPrefix(s, l.dialect.Index):
			return "it isn't as " + l.dialect.Index
		}
		return ""
	}
	if m := dropsIndex.FindStringSubmatch(s); m != nil {
		if l.unique[m[1]] {
			return "binaries of before rely on it"
		}
		return "" // a matter of speed
	}
	if m := addsColumn.FindStringSubmatch(s); m != nil {
		if !l.own[m[1]] && !l.dialect.Column.MatchString(m[2]) {
			return "binaries of before know nothing to put there, or it touches every row"
		}
		return l.binds(s)
	}
	return "it does more than add a table, a column or an index"
}

// binds says in what way a table of the migration holds rows of another: binaries of before would fail to delete them, or
// find more rows than they stored.
func (l *linter) binds(s string) string {
	for _, m := range bindsTable.FindAllStringSubmatch(s, -1) {
		if !l.own[m[1]] {
			return "binaries of before know nothing of what binds " + m[1]
		}
	}
	return ""
}
