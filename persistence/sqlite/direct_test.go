package sqlite

import (
	"strings"
	"testing"
	"time"
)

// TestTheWriterScansWhatItsColumnsHold has each kind of column, of which a missing one goes where there is a word for it alone.
func TestTheWriterScansWhatItsColumnsHold(t *testing.T) {
	s := openAt(t, newPath(t))
	type named string
	type columns struct {
		number int
		name   named
		wait   time.Duration
		yes    bool
		raw    []byte
		none   []byte
		never  moment
	}
	scan := func(r row) (c columns, err error) {
		err = r.Scan(&c.number, &c.name, &c.wait, &c.yes, &c.raw, &c.none, &c.never)
		return c, err
	}
	found, err := list(t.Context(), s.writer.kept, scan, "SELECT ?, ?, ?, ?, ?, ?, ?",
		1, named("n"), time.Second, true, []byte("raw"), []byte(nil), moment{})
	same(t, "columns", found, err, []columns{{number: 1, name: "n", wait: time.Second, yes: true, raw: []byte("raw")}})

	for _, column := range []string{"NULL", "'text'", "x'00'", "1.5"} {
		if found, err := list(t.Context(), s.writer.kept, value[int], "SELECT "+column); err == nil {
			t.Errorf("%s is %d", column, found)
		}
	}
}

// TestNoArgumentIsMissing: SQLite would take it for NULL.
func TestNoArgumentIsMissing(t *testing.T) {
	s := openAt(t, newPath(t))
	_, execErr := s.writer.kept.exec(spend, "name")
	_, listErr := list(t.Context(), s.writer.kept, value[int], known)
	for _, err := range []error{execErr, listErr} {
		if err == nil || !strings.Contains(err.Error(), "arguments") {
			t.Errorf("error %v, want that an argument is missing", err)
		}
	}
}
