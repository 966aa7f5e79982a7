package transfer_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/postgres"
	"verdict/persistence/postgres/postgrestest"
	"verdict/persistence/sqlite"
	"verdict/persistence/transfer"
)

// TestMove moves records between real stores.
func TestMove(t *testing.T) {
	server := postgrestest.New(t)
	schemas := 0
	for _, test := range []struct {
		name string
		run  func(*testing.T, *move)
	}{
		{"all that was stored is there, and what comes goes on after it", movesAll},
		{"a gateway on the source reads, and stores nothing that would be left behind", holdsStill},
		{"no store opens a target before it is finished", refusesHalf},
		{"what was copied isn't copied again, and what has changed since is", resumes},
		{"a copy that differs is told, and the source stays in use", tellsDifference},
		{"a move that ended between its last two steps can be finished", finishes},
		{"a target that holds something else is left as it is", refusesOthers},
		{"a file whose marks are taken off as the manual says is in use again", goesBack},
		{"it works through a pooler", worksThroughPooler},
		{"a record that is gone isn't taken for one that was moved", noticesLoss},
		{"of two moves into one target the later goes on", oneAtATime},
		{"no other move begins between the last two steps", holdsTheTarget},
		{"a target that a gateway was started on is refused", refusesEarly},
		{"a target that can't be a record is refused, and the mend said", refusesStrangers},
		{"a file that isn't all of a record is refused as it is", refusesSources},
		{"the file isn't held before the target is reached", reachesFirst},
		{"the place is where the connection led", namesThePlace},
		{"no part of a URL that can't be read is shown", hidesPasswords},
		{"no column of either store is left out", knowsAllColumns},
	} {
		schemas++
		m := &move{path: filepath.Join(t.TempDir(), fmt.Sprint(schemas, ".db")), url: server.URL(fmt.Sprint("move_", schemas)), server: server}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, m)
		})
	}
}

var submits = verdict.Lane{Provider: "partner", Kind: verdict.Submit}

// A move is from a file to a schema of a server.
type move struct {
	path, url string
	server    *postgrestest.Server
}

// open opens both ends, and begins.
func (m *move) open(t *testing.T) (*sqlite.Source, *postgres.Target, error) {
	t.Helper()
	source, err := sqlite.OpenSource(t.Context(), m.path)
	if err != nil {
		return nil, nil, err
	}
	target, err := postgres.OpenTarget(t.Context(), m.url)
	if err != nil {
		return nil, nil, errors.Join(err, source.Close())
	}
	origin, err := source.Hold(t.Context())
	if err == nil {
		err = target.Begin(t.Context(), origin)
	}
	if err != nil {
		return nil, nil, errors.Join(err, target.Close(), source.Close())
	}
	return source, target, nil
}

// run opens both ends, moves, and closes them.
func (m *move) run(t *testing.T, ctx context.Context, watch func(transfer.Progress)) ([]transfer.Comparison, error) {
	t.Helper()
	source, target, err := m.open(t)
	if err != nil {
		return nil, err
	}
	compared, err := transfer.Move(ctx, source, target, watch)
	return compared, errors.Join(err, target.Close(), source.Close())
}

func (m *move) must(t *testing.T) (last transfer.Progress) {
	t.Helper()
	compared, err := m.run(t, t.Context(), func(p transfer.Progress) {
		if p.Doing == "copying" {
			last = p
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range compared {
		if !c.Same() {
			t.Errorf("%s: %+v", c.Table, c)
		}
	}
	return last
}

func (m *move) before(t *testing.T) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), m.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

func (m *move) after(t *testing.T) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), m.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

func mustClose(t *testing.T, s verdict.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// sql runs statements in the target behind everybody's back.
func (m *move) sql(t *testing.T, statements string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), statements, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

func ignore(transfer.Progress) {}

func movesAll(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	want := contentsOf(t, old)
	m.must(t)
	s := m.after(t)
	if got := contentsOf(t, s); !reflect.DeepEqual(got, want) {
		t.Errorf("after the move:\n%+v\nbefore:\n%+v", got, want)
	}
	if first, err := s.Spend(t.Context(), "ticket", time.Now().Add(time.Minute)); first || err != nil {
		t.Errorf("a name that was spent is taken again: %v, %v", first, err)
	}

	stored := create(t, s, "later")
	if stored.EventID != want.last+1 {
		t.Errorf("the first event after the move is %d, and the last before it %d", stored.EventID, want.last)
	}
	for range 3 { // more than the numbers that a new table would begin with
		check := verdict.Evidence{Source: verdict.SourceOperator, Outcome: verdict.OutcomeFailed, Conflict: true, At: at(9)}
		if err := s.Record(t.Context(), "contradicted", check); err != nil {
			t.Fatal(err)
		}
	}
	found, err := s.Conflicts(t.Context(), want.conflicts[len(want.conflicts)-1].Number, 10)
	if err != nil || len(found) != 3 {
		t.Errorf("%d conflicts after those that were moved, error %v", len(found), err)
	}
	early := verdict.Webhook{Provider: "partner", Transaction: "later", Body: []byte("new"), At: at(10)}
	if err := s.Park(t.Context(), early); err != nil {
		t.Error(err)
	}
	if waiting, err := s.Parked(t.Context(), 10); err != nil || !reflect.DeepEqual(waiting, []verdict.Webhook{early}) {
		t.Errorf("parked after the move: %+v, error %v", waiting, err)
	}
}

func holdsStill(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	source, target, err := m.open(t)
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() {
		_, _, err := old.Create(t.Context(), transaction("meanwhile"))
		refused <- err
	}()
	if _, err := old.Transaction(t.Context(), "settled"); err != nil {
		t.Errorf("read meanwhile: %v", err)
	}
	if err := <-refused; !errors.Is(err, verdict.ErrOverloaded) {
		t.Errorf("stored meanwhile: %v", err)
	}
	if _, err := transfer.Move(t.Context(), source, target, ignore); err != nil {
		t.Fatal(err)
	}
	place := target.Place()
	if err := errors.Join(target.Close(), source.Close()); err != nil {
		t.Fatal(err)
	}
	_, _, err = old.Create(t.Context(), transaction("too late"))
	mustSay(t, "create", err, "was moved to "+place)
	settled, readable := old.Transaction(t.Context(), "settled")
	if readable != nil {
		t.Errorf("read afterwards: %v", readable)
	}
	for _, stage := range []verdict.Stage{verdict.StageAccepted, verdict.StageReview} {
		pending, err := old.InStage(t.Context(), stage, 0, 1)
		if err != nil || len(pending) == 0 {
			t.Fatalf("%s: %v, %v", stage, pending, err)
		}
		_, err = old.Replace(t.Context(), pending[0].Send(verdict.Policy{Schedule: verdict.DefaultSchedule()}, time.Now()), nil)
		mustSay(t, "replace", err, "was moved to")
	}
	mustSay(t, "record", old.Record(t.Context(), settled.ID, verdict.Evidence{Source: verdict.SourceCheck, Raw: []byte("x")}), "was moved to")
	mustSay(t, "park", old.Park(t.Context(), verdict.Webhook{Provider: "partner", Transaction: "x", Body: []byte("x")}), "was moved to")
	mustSay(t, "unpark", old.Unpark(t.Context(), parked()), "was moved to")
	mustSay(t, "learn", old.Learn(t.Context(), "partner", verdict.Learned{}), "was moved to")
	_, err = old.Spend(t.Context(), "other", time.Now().Add(time.Hour))
	mustSay(t, "spend", err, "was moved to")
	_, err = old.ClaimDue(t.Context(), submits, time.Now().Add(time.Hour), 10)
	mustSay(t, "claim", err, "was moved to")

	_, err = sqlite.Open(t.Context(), m.path)
	mustSay(t, "open", err, "was moved to "+place+"; give that as the setting database")
	if strings.Contains(fmt.Sprint(err), "secret") {
		t.Errorf("the password is shown: %v", err)
	}
	if _, _, err := m.open(t); !errors.Is(err, transfer.ErrFinished) {
		t.Errorf("moved again: %v", err)
	}
}

func refusesHalf(t *testing.T, m *move) {
	fill(t, m.before(t))
	source, target, err := m.open(t)
	if err != nil {
		t.Fatal(err)
	}
	const mend = "isn't finished; run verdict migrate again"
	refused := func(when string) {
		t.Helper()
		_, err := postgres.Open(t.Context(), m.url)
		mustSay(t, when+" open", err, mend)
	}
	refused("before the first row")
	_, err = transfer.Move(t.Context(), source, &watched{Target: target, beforeFinish: func() error {
		refused("before the last step")
		return nil
	}}, ignore)
	if err := errors.Join(err, target.Close(), source.Close()); err != nil {
		t.Fatal(err)
	}
	create(t, m.after(t), "new")
}

// watched is a target in which something happens after the source was left, and before it is finished.
type watched struct {
	*postgres.Target
	beforeFinish func() error
}

func (w *watched) Finish(ctx context.Context, leave func() error) error {
	return w.Target.Finish(ctx, func() error {
		if err := leave(); err != nil {
			return err
		}
		return w.beforeFinish()
	})
}

func resumes(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	many(t, m.path, 10_000)

	ctx, cancel := context.WithCancel(t.Context())
	_, err := m.run(t, ctx, func(p transfer.Progress) {
		if p.Table == "evidence" && p.Done > 15_000 { // all transactions, and a part of the evidence
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ended with %v", err)
	}

	// The key is free again, and taken by a transaction whose id comes before all others: stored beside what was copied, it
	// would be a second of that key. The same is true of the webhook that is parked anew.
	if n, err := old.ReleaseKeys(t.Context(), time.Now().Add(time.Hour), 100); n == 0 || err != nil {
		t.Fatalf("%d keys are released, error %v", n, err)
	}
	next := transaction("settled")
	next.ID = "0"
	if _, created, err := old.Create(t.Context(), next); !created || err != nil {
		t.Fatalf("created %v, error %v", created, err)
	}
	if err := old.Record(t.Context(), "many-77", verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, At: at(1)}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(old.Unpark(t.Context(), parked()), old.Park(t.Context(), parked())); err != nil {
		t.Fatal(err)
	}
	want := contentsOf(t, old)
	last := m.must(t)
	if last.Done != last.Total || last.Copied == 0 || last.Copied > last.Total*2/3 {
		t.Errorf("of %d rows %d were copied again", last.Total, last.Copied)
	}
	t.Logf("of %d rows %d were copied again", last.Total, last.Copied)
	if got := contentsOf(t, m.after(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("after the move:\n%+v\nbefore:\n%+v", got, want)
	}
}

func tellsDifference(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	for table, corruption := range map[string]string{
		"transactions": "UPDATE moving_transactions SET payload = '' WHERE payload IS NULL",
		"evidence":     "UPDATE moving_evidence SET raw = raw || '\\x00' WHERE number = 1",
		"outbox":       "DELETE FROM moving_outbox WHERE transaction_id = (SELECT transaction_id FROM moving_outbox LIMIT 1)",
		"parked":       "INSERT INTO moving_parked (number, transaction_id, provider, digest) OVERRIDING SYSTEM VALUE VALUES (99, '', '', '')",
		"partners":     "UPDATE moving_partners SET learned = learned || ' '",
		"spent":        "UPDATE moving_spent SET until = until + 1",
		"meta":         "UPDATE moving_meta SET secret = sha256(secret)",
	} {
		compared, err := m.run(t, t.Context(), func(p transfer.Progress) {
			if p.Doing == "copying" && p.Table == "meta" { // the last of all
				m.sql(t, corruption)
			}
		})
		if !errors.Is(err, transfer.ErrDifferent) {
			t.Errorf("%s: error %v", table, err)
		}
		for _, c := range compared {
			if c.Same() == (c.Table == table) {
				t.Errorf("%s was changed, and %s is the same in both: %v", table, c.Table, c.Same())
			}
		}
		create(t, old, "after a difference in "+table)
	}
	m.must(t)
}

func finishes(t *testing.T, m *move) {
	old := m.before(t)
	fill(t, old)
	want := contentsOf(t, old)
	source, target, err := m.open(t)
	if err != nil {
		t.Fatal(err)
	}
	cut := errors.New("cut")
	_, err = transfer.Move(t.Context(), source, &watched{target, func() error { return cut }}, ignore)
	if !errors.Is(err, cut) {
		t.Fatal(err)
	}
	if err := errors.Join(target.Close(), source.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Open(t.Context(), m.path)
	mustSay(t, "open the source", err, "was moved to")
	_, err = postgres.Open(t.Context(), m.url)
	mustSay(t, "open the target", err, "isn't finished")

	elsewhere := &move{path: m.path, url: m.url + "_elsewhere"}
	_, err = elsewhere.run(t, t.Context(), ignore)
	mustSay(t, "move elsewhere", err, "give that as the target")
	m.must(t)
	if got := contentsOf(t, m.after(t)); !reflect.DeepEqual(got, want) {
		t.Errorf("after the move:\n%+v\nbefore:\n%+v", got, want)
	}
}

func refusesOthers(t *testing.T, m *move) {
	fill(t, m.before(t))
	other := &move{path: filepath.Join(t.TempDir(), "other.db"), url: m.url}
	fill(t, other.before(t))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := m.run(t, ctx, func(transfer.Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	_, err = other.run(t, t.Context(), ignore)
	mustSay(t, "move another there", err, "another record, sqlite:"+m.path+", is being moved into it")
	m.must(t)
	_, err = other.run(t, t.Context(), ignore)
	mustSay(t, "move another there", err, "it isn't empty, and has the tables endpoints, evidence, meta, ")
	create(t, m.after(t), "left as it is")
	create(t, other.before(t), "in use")

	nothing := &move{path: filepath.Join(t.TempDir(), "nothing.db"), url: m.url}
	_, err = nothing.run(t, t.Context(), ignore)
	mustSay(t, "move nothing", err, "there is no such file")
}

// goesBack runs what docs/moving.md has an operator run.
func goesBack(t *testing.T, m *move) {
	const takeOff = `SELECT 'DROP TRIGGER ' || name || ';' FROM sqlite_schema WHERE name GLOB 'moved_*' UNION ALL SELECT 'DROP TABLE moved;'`
	manual, err := os.ReadFile("../../docs/moving.md")
	if err != nil || !strings.Contains(string(manual), takeOff) {
		t.Fatalf("the manual says something else than %s: %v", takeOff, err)
	}
	fill(t, m.before(t))
	m.must(t)
	db, err := sql.Open("sqlite3", "file:"+m.path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(takeOff)
	if err != nil {
		t.Fatal(err)
	}
	var statements []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, statement)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	s := m.before(t)
	settled, err := s.InStage(t.Context(), verdict.StageSettled, 0, 10)
	if err != nil || len(settled) == 0 {
		t.Errorf("%d are settled, error %v", len(settled), err)
	}
	create(t, s, "after going back")
}

// worksThroughPooler moves through PgBouncer in transaction mode.
func worksThroughPooler(t *testing.T, m *move) {
	m.sql(t, "CREATE ROLE pooled SUPERUSER LOGIN; ALTER ROLE pooled SET search_path = pooled; CREATE SCHEMA pooled")
	m.url = fmt.Sprintf("postgres://pooled@%s/postgres?sslmode=disable", m.server.Pooler(t, "pooled"))
	movesAll(t, m)
}

func mustSay(t *testing.T, what string, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: error %v, want one that says %q", what, err, words)
	}
}
