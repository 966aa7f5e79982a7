package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"verdict"
	"verdict/persistence/postgres/postgrestest"
)

// A proxy stands between a store and the server, and cuts connections.
type proxy struct {
	address string
	cutting atomic.Bool // cut each connection whose transaction commits, before the answer arrives
	says    atomic.Bool // that the server is gone, as a pooler does, in place of the answer
	cuts    atomic.Int64
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: l.Addr().String()}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { p.serve(client) })
		}
	})
	t.Cleanup(func() { // after the store, which closes the connections
		_ = l.Close()
		serving.Wait()
	})
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	upstream, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", server.Port))
	if err != nil {
		return
	}
	defer upstream.Close()
	go func() {
		_, _ = io.Copy(upstream, client)
		_ = upstream.(*net.TCPConn).CloseWrite()
	}()
	answer := make([]byte, 64<<10)
	for {
		n, err := upstream.Read(answer)
		if err != nil {
			return
		}
		if p.cutting.Load() && bytes.Contains(answer[:n], []byte("COMMIT\x00")) { // a CommandComplete
			p.cuts.Add(1)
			if p.says.Load() {
				lost, _ := (&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "server conn crashed?"}).Encode(nil)
				_, _ = client.Write(lost)
			}
			return
		}
		if _, err := client.Write(answer[:n]); err != nil {
			return
		}
	}
}

func TestWhoseCommitWasNotAnsweredIsUncertain(t *testing.T) {
	p := newProxy(t)
	schema := newSchema()
	s := openAt(t, postgrestest.URL(p.address, schema))
	given := create(t, s, "before")
	p.cutting.Store(true)
	if _, _, err := s.Create(t.Context(), transaction("unanswered")); !errors.Is(err, verdict.ErrUncertain) || errors.Is(err, verdict.ErrOverloaded) {
		t.Errorf("create: error %v, want ErrUncertain", err)
	}
	p.says.Store(true)
	now := time.Now()
	if _, _, err := s.Ask(t.Context(), given.Ask(now), verdict.Budget{}, now); !errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("ask: error %v, want ErrUncertain", err)
	}
	p.cutting.Store(false)
	stands(t, s, "unanswered", true) // which a read tells, and whoever sends the request again
	if _, created, err := s.Create(t.Context(), transaction("unanswered")); created || err != nil {
		t.Errorf("again: created %v, error %v", created, err)
	}
	if got, err := s.Transaction(t.Context(), "before"); err != nil || got.Version != 2 {
		t.Errorf("asked: %+v, error %v", got, err)
	}
	if n := p.cuts.Load(); n != 2 {
		t.Errorf("%d commits were cut off and tried again, want 2, once each", n)
	}
}

// TestAConnectionThatTheServerEndsBeforeTheCommitIsReplaced: the commit waits for the lock when it happens, which the
// server says, so nothing is stored and it is tried again.
func TestAConnectionThatTheServerEndsBeforeTheCommitIsReplaced(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	create(t, s, "before")
	release := lockBy(t, url)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if stored := create(t, s, "meanwhile"); stored.EventID != 2 {
			t.Errorf("event id %d, want 2", stored.EventID)
		}
	}()
	for range 2 {
		terminateWaiting(t, url)
	}
	release()
	<-done
	stands(t, s, "meanwhile", true)
}

// terminateWaiting ends the connection of whoever waits for the lock.
func terminateWaiting(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	waitFor(t, "a commit that waits for the lock", func() bool {
		var ended int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 1000)) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
			WHERE NOT l.granted AND a.query = $1 AND EXISTS (SELECT FROM pg_locks m WHERE m.pid = l.pid AND m.relation = 'meta'::regclass)`, lock).Scan(&ended)
		return err == nil && ended == 1
	})
}

func TestADeadlockIsTriedAgain(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	given := create(t, s, "one")
	run(t, url, `CREATE TABLE tries (n int); CREATE SEQUENCE try; CREATE FUNCTION trip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('try') < 3 THEN RAISE EXCEPTION USING ERRCODE = 'deadlock_detected'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER trip BEFORE UPDATE ON transactions FOR EACH ROW EXECUTE FUNCTION trip()`)
	if settled := settle(t, s, given); settled.EventID != 2 {
		t.Errorf("event id %d, want 2", settled.EventID)
	}
	found, err := s.History(t.Context(), "one")
	same(t, "pieces of evidence", len(found), err, 1)
}

func TestARefusalOfTheCommitItselfIsCertain(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	for _, test := range []struct {
		code      string
		uncertain bool
	}{{"check_violation", false}, {"serialization_failure", false}, {"io_error", true}} {
		run(t, url, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '`+test.code+`'; END $$;
			CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON transactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
		_, _, err := s.Create(t.Context(), transaction(test.code))
		if err == nil || errors.Is(err, verdict.ErrUncertain) != test.uncertain {
			t.Errorf("%s: error %v, want uncertain %v", test.code, err, test.uncertain)
		}
		run(t, url, "DROP TRIGGER refuse ON transactions; DROP FUNCTION refuse")
		stands(t, s, test.code, false)
		create(t, s, test.code)
	}
}

func TestAStatementThatFailsIsCertain(t *testing.T) {
	url := newURL(t)
	s := openAt(t, url)
	run(t, url, "ALTER TABLE outbox RENAME TO gone")
	if _, _, err := s.Create(t.Context(), transaction("failed")); !isCode(err, "42P01") || errors.Is(err, verdict.ErrUncertain) {
		t.Errorf("error %v, want that there is no such table, and certain", err)
	}
	run(t, url, "ALTER TABLE gone RENAME TO outbox")
	stands(t, s, "failed", false)
	create(t, s, "failed")
}

func TestTheStoreRecoversFromARestartOfTheServer(t *testing.T) {
	own := postgrestest.New(t, "fsync=off")
	s := openAt(t, own.URL(newSchema()))
	for n := range 8 { // so that there are idle connections
		create(t, s, fmt.Sprint("before ", n))
	}
	if err := own.Stop(); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Create(t.Context(), transaction("refused"))
	if !errors.Is(err, verdict.ErrOverloaded) || errors.Is(err, verdict.ErrUncertain) || strings.Contains(err.Error(), "secret") {
		t.Errorf("while it is down: error %v, want ErrOverloaded, certain, and no password", err)
	}
	if _, err := s.Transaction(t.Context(), "before 0"); err == nil || errors.Is(err, verdict.ErrNotFound) {
		t.Errorf("a read while it is down: error %v", err)
	}
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	stands(t, s, "refused", false)
	if stored := create(t, s, "refused"); stored.EventID != 9 {
		t.Errorf("event id %d, want 9", stored.EventID)
	}
	if err := own.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := own.Start(); err != nil {
		t.Fatal(err)
	}
	create(t, s, "at once after a restart that nobody has seen")
}
