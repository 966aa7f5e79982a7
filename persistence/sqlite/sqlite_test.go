package sqlite

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"verdict"
	"verdict/persistence/storetest"
)

func TestSQLiteKeepsThePromises(t *testing.T) {
	storetest.Run(t, func(t *testing.T) verdict.Store { return openAt(t, newPath(t)) })
}

// submits is the lane of what create makes.
var submits = verdict.Lane{Provider: "partner", Kind: verdict.Submit}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "verdict.db") }

// openAt opens the store at path and closes it when the test ends.
func openAt(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// transaction returns a new transaction whose id and key are name.
func transaction(name string) verdict.Transaction {
	return verdict.Accept(name, verdict.Request{
		Scope:    verdict.Scope{Tenant: "tenant", Owner: "owner", Operation: "transfer", Key: name},
		Provider: "partner",
		Payload:  fmt.Appendf(nil, `{"amount": 1000, "currency": "XOF", "to": %q}`, name),
	}, [32]byte{1}, time.Now())
}

func create(t testing.TB, s *Store, name string) verdict.Transaction {
	t.Helper()
	stored, created, err := s.Create(t.Context(), transaction(name))
	if err != nil || !created {
		t.Errorf("create %s: created %v, error %v", name, created, err)
	}
	return stored
}

// stands checks whether a transaction of that name is stored.
func stands(t testing.TB, s *Store, name string, want bool) {
	t.Helper()
	_, err := s.Transaction(t.Context(), name)
	if stored := err == nil; stored != want {
		t.Errorf("%s is stored: %v (%v), want %v", name, stored, err, want)
	}
}

// same checks what a call returned, to the last byte and nanosecond.
func same(t testing.TB, what string, got any, err error, want any) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, error %v, want %+v", what, got, err, want)
	}
}

// waitFor waits until it is so.
func waitFor(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestWhatIsNotTracedStoresNoTrace(t *testing.T) {
	s := openAt(t, newPath(t))
	create(t, s, "one")
	kept, err := first(read(t.Context(), s, value[int], "SELECT count(trace) FROM transactions"))
	same(t, "traces", kept, err, 0)
}
