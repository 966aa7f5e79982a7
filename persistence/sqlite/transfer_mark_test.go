package sqlite

import (
	"strings"
	"testing"
)

func TestWithoutRoomAFileIsntLeft(t *testing.T) {
	path := newPath(t)
	create(t, openAt(t, path), "before")
	source, err := OpenSource(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := source.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil { // as many as there are
		t.Fatal(err)
	}
	err = source.Leave(t.Context(), "elsewhere")
	if err == nil || !strings.Contains(err.Error(), "is full; make room on the file's disk") {
		t.Errorf("error %v", err)
	}
	if err := source.Close(); err != nil {
		t.Fatal(err)
	}
	create(t, openAt(t, path), "after")
}
