package postgres

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/postgres/postgrestest"
	"verdict/persistence/storetest"
)

// server is that of all tests but those that restart one. It syncs nothing, so that they are quick: what a power cut
// leaves is tested in durable_test.go, with a server that does.
var server *postgrestest.Server

func TestMain(m *testing.M) {
	os.Exit(postgrestest.Run(m, func(s *postgrestest.Server) { server = s }))
}

func TestPostgresKeepsThePromises(t *testing.T) {
	storetest.Run(t, func(t *testing.T) verdict.Store { return openAt(t, newURL(t)) })
}

// submits is the lane of what create makes.
var submits = verdict.Lane{Provider: "partner", Kind: verdict.Submit}

var schemas atomic.Int64

// newURL names a schema that isn't there yet.
func newURL(t testing.TB) string {
	t.Helper()
	return server.URL(newSchema())
}

func newSchema() string { return fmt.Sprint("test_", schemas.Add(1)) }

// syncing or not, a server of these tests will do.
func anyServer(context.Context, *pgx.Conn) error { return nil }

// openAt opens the store at url and closes it when the test ends.
func openAt(t testing.TB, url string) *Store {
	t.Helper()
	s, err := open(t.Context(), url, anyServer)
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

// settle gives a transaction its verdict.
func settle(t testing.TB, s *Store, given verdict.Transaction) verdict.Transaction {
	t.Helper()
	e := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: time.Now(), Raw: []byte("{}")}
	stored, err := s.Replace(t.Context(), given.Weigh(e, verdict.Policy{Traits: verdict.Traits{WebhookSettles: true}}), &e)
	if err != nil {
		t.Errorf("settle %s: %v", given.ID, err)
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

// run runs a statement behind the stores' backs.
func run(t testing.TB, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestWhatIsNotTracedStoresNoTrace(t *testing.T) {
	s := openAt(t, newURL(t))
	create(t, s, "one")
	kept, err := first(read(t.Context(), s, value[int], "SELECT count(trace) FROM transactions"))
	same(t, "traces", kept, err, 0)
}
