package relational

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
)

// A Migration takes a schema from the version before to its own.
//
// Instances are upgraded one after the other, so binaries of several releases use one database, and one that is started
// again, or brought back, finds a schema that is newer than it knows. Therefore the schema expands first and contracts a
// release later: a migration adds what the binaries before it leave alone, and what nobody uses any more is taken away
// only by a later one, whose head says that it contracts and names the oldest version that has stopped using it. A release
// that stops using something takes a version for that, if only with an empty migration, so that it can be named.
//
// What has been released never changes.
type Migration struct {
	Name      string // of its file
	Version   int    // of the schema that it makes
	Oldest    int    // the binaries that work with the schema from then on are those that know this version or a later one
	Contracts bool   // it takes away, or changes, what binaries that know less need
	SQL       string
}

// The first line of a migration, from 0002 on, is such as "-- oldest: 1" or "-- oldest: 5, contracts".
var head = regexp.MustCompile(`^-- oldest: ([1-9][0-9]*)(, contracts)?\n`)

// Migrations reads migrations/NNNN_name.sql, which are numbered from 0001 without a gap.
func Migrations(files fs.FS) ([]Migration, error) {
	names, err := fs.Glob(files, "migrations/*.sql") // in the order of their numbers
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, name := range names {
		m, err := read(files, name, i+1)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			m.Oldest = max(m.Oldest, all[i-1].Oldest)
		}
		all = append(all, m)
	}
	return all, nil
}

func read(files fs.FS, name string, version int) (Migration, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return Migration{}, err
	}
	if want := fmt.Sprintf("%04d_*.sql", version); !matches(want, path.Base(name)) {
		return Migration{}, fmt.Errorf("%s: the next migration is %s", name, want)
	}
	m := Migration{Name: name, Version: version, Oldest: 1, SQL: string(text)}
	if version == 1 {
		return m, nil
	}
	found := head.FindStringSubmatch(m.SQL)
	if found == nil {
		return Migration{}, fmt.Errorf(`%s: the first line has to be "-- oldest: N" or "-- oldest: N, contracts"`, name)
	}
	m.Oldest, err = strconv.Atoi(found[1])
	m.Contracts = found[2] != ""
	return m, err
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// A Schema is what a database tells of its schema: the version, and the oldest one that a binary has to know to use it.
type Schema struct{ Version, Oldest int }

// Admit returns why a binary that knows the versions up to known can't use the schema, and the mend; nil if it can.
func (s Schema) Admit(known int) error {
	if s.Version <= known || s.Oldest <= known {
		return nil
	}
	return fmt.Errorf("its schema is version %d, which takes a verdict that knows version %d or later, and this one knows %d; upgrade verdict",
		s.Version, s.Oldest, known)
}
