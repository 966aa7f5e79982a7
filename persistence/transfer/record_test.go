package transfer_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"verdict"
	"verdict/persistence/transfer"
)

// at is a time, to the nanosecond.
func at(seconds int64) time.Time { return time.Unix(1_700_000_000+seconds, 123_456_789).UTC() }

// odd is what others may name something: SQLite takes the end of it for the end of a text, and PostgreSQL takes none of it.
const odd = "a \x00 b \xff é"

func transaction(name string) verdict.Transaction {
	t := verdict.Accept(name, verdict.Request{
		Scope:    verdict.Scope{Tenant: "tenant", Owner: odd, Operation: "transfer", Key: name + odd},
		Provider: "partner", Payload: []byte(`{"amount": 1000}`),
	}, [32]byte{1, 0, 255}, at(0))
	t.Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	return t
}

func create(t *testing.T, s verdict.Store, name string) verdict.Transaction {
	t.Helper()
	stored, created, err := s.Create(t.Context(), transaction(name))
	if err != nil || !created {
		t.Errorf("create %s: created %v, error %v", name, created, err)
	}
	return stored
}

func policy() verdict.Policy {
	return verdict.Policy{Traits: verdict.Traits{WebhookSettles: true}, Schedule: verdict.DefaultSchedule()}
}

func parked() verdict.Webhook {
	return verdict.Webhook{Provider: "partner", Transaction: "unknown", Body: []byte("\x00raw"), At: at(5)}
}

// fill stores something in each table, and in each column.
func fill(t *testing.T, s verdict.Store) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	settle := func(name string) verdict.Transaction {
		t.Helper()
		given := create(t, s, name)
		e := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, Reference: odd, At: at(3), Raw: []byte(name)}
		settled, err := s.Replace(ctx, given.Weigh(e, policy()), &e)
		must(err)
		return settled
	}
	must(s.AddEndpoint(ctx, odd))
	create(t, s, "accepted")
	bare := transaction("without a payload")
	bare.Payload = nil
	_, _, err := s.Create(ctx, bare)
	must(err)

	waiting, err := s.Replace(ctx, create(t, s, "waiting").Send(policy(), at(1)), nil)
	must(err)
	waiting.Watched = true
	_, _, err = s.Ask(ctx, waiting.Ask(at(2)), verdict.Budget{Limit: 10, Window: time.Minute, Burst: 1}, at(2))
	must(err)

	review := create(t, s, "review")
	review.Stage, review.Reason, review.Version, review.Due = verdict.StageReview, odd, review.Version+1, time.Time{}
	_, err = s.Replace(ctx, review, nil)
	must(err)

	settle("released")
	released, err := s.ReleaseKeys(ctx, at(1000), 10)
	if must(err); released != 1 {
		t.Fatalf("%d keys are released", released)
	}
	again := transaction("released")
	again.ID = "of the same key"
	_, created, err := s.Create(ctx, again)
	if must(err); !created {
		t.Fatal("the key isn't free")
	}
	told := settle("settled")
	must(s.Deliver(ctx, []verdict.Delivery{{Transaction: told.ID, Told: at(4), Confirmed: at(5)}}))
	settle("contradicted")
	must(s.Record(ctx, "contradicted", verdict.Evidence{
		Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, Reason: odd, Asked: at(6), At: at(7), Wait: time.Second, Conflict: true,
	}))
	must(s.Park(ctx, parked()))
	must(s.Learn(ctx, odd, verdict.Learned{At: at(8)}))
	must(s.CloseEndpoint(ctx, odd, at(11), odd))
	passed, err := s.Enlist(ctx, odd, "", 2)
	if must(err); passed != 2 {
		t.Fatalf("%d verdicts are to be told", passed)
	}
	notices, err := s.NoticesOf(ctx, "settled")
	if must(err); len(notices) != 1 {
		t.Fatalf("notices %v", notices)
	}
	must(s.ReplaceNotice(ctx, notices[0].After(verdict.Receipt{At: at(9), Taken: true, Result: odd})))
	must(s.ReplaceNotice(ctx, notices[0].After(verdict.Receipt{At: at(9), Taken: true, Result: odd}).Replay(at(10))))
	_, err = s.Spend(ctx, "ticket", time.Now().Add(time.Hour))
	must(err)
}

// many stores so many more transactions, each with its verdict and a piece of evidence.
func many(t *testing.T, path string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	series := fmt.Sprintf("WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) ", n)
	for _, statement := range []string{
		`INSERT INTO transactions (id, tenant, owner, operation, key, provider, status, stage, reason, reference, version, event_id,
			sends, checks, settled_at, fingerprint, payload) ` + series + `SELECT 'many-' || n, 'tenant', 'owner ' || n % 100, 'transfer',
			'key ' || n, 'partner', 'succeeded', 'settled', '', '', 2, event + n, 1, 0, 1700000000000000000, zeroblob(32), x'7b7d' FROM s, meta`,
		`INSERT INTO evidence (transaction_id, source, outcome, reason, reference, wait, conflict, raw) ` + series +
			`SELECT 'many-' || n, 'reply', 'succeeded', '', '', 0, 0, zeroblob(n % 300) FROM s`,
		fmt.Sprintf(`UPDATE meta SET event = event + %d`, n),
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
}

// contents is what a store tells whoever asks.
type contents struct {
	transactions map[verdict.Stage][]verdict.Transaction
	histories    map[string][]verdict.Evidence
	standing     map[string]string // the id that has a key
	conflicts    []verdict.Conflict
	unconfirmed  []verdict.Transaction
	partners     map[string]verdict.Partner
	waiting      []string
	notices      []verdict.Notice
	endpoints    []verdict.Endpoint
	backlog      verdict.Backlog
	last         int64
	secret       []byte
}

// contentsOf reads a store to the end. Of many transactions it reads the first.
func contentsOf(t *testing.T, s verdict.Store) (c contents) {
	t.Helper()
	const most = 200
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	c.transactions, c.histories = map[verdict.Stage][]verdict.Transaction{}, map[string][]verdict.Evidence{}
	c.standing, c.partners = map[string]string{}, map[string]verdict.Partner{}
	for _, stage := range []verdict.Stage{verdict.StageAccepted, verdict.StageSending, verdict.StageWaiting, verdict.StageReview, verdict.StageSettled} {
		c.transactions[stage], err = s.InStage(ctx, stage, 0, most)
		must(err)
		for _, found := range c.transactions[stage] {
			c.histories[found.ID], err = s.History(ctx, found.ID)
			must(err)
			if standing, err := s.Find(ctx, found.Scope); err == nil {
				c.standing[found.Key] = standing.ID
			}
		}
	}
	c.conflicts, err = s.Conflicts(ctx, 0, most)
	must(err)
	c.unconfirmed, err = s.Unconfirmed(ctx, transaction("").Audience(), 0, 1<<62, most)
	must(err)
	for _, name := range []string{"partner", odd} {
		c.partners[name], err = s.Partner(ctx, name)
		must(err)
	}
	c.waiting, err = s.Waiting(ctx)
	must(err)
	c.notices, err = s.Notices(ctx, odd, verdict.NoticePending, 0, most)
	must(err)
	c.endpoints, err = s.Endpoints(ctx)
	must(err)
	c.backlog, err = s.Backlog(ctx, time.Now().Add(time.Hour))
	must(err)
	c.last, err = s.LastEventID(ctx)
	must(err)
	c.secret, err = s.Secret(ctx)
	must(err)
	return c
}

// knowsAllColumns holds the list of what is moved against the tables of both stores as they are made.
func knowsAllColumns(t *testing.T, m *move) {
	m.before(t)
	m.after(t)
	known := map[string][]string{
		"schema_version": {"version", "oldest"},                       // each store has its own
		"transactions":   {"number", "settled_event", "review_event"}, // follow from the others, or from nothing
	}
	for _, table := range transfer.Tables() {
		for _, column := range table.Columns {
			known[table.Name] = append(known[table.Name], column.Name)
		}
	}
	for where, columns := range map[string][][2]string{"SQLite": sqliteColumns(t, m.path), "PostgreSQL": postgresColumns(t, m.url)} {
		if len(columns) < 50 {
			t.Errorf("%s has %d columns", where, len(columns))
		}
		for _, column := range columns {
			if !slices.Contains(known[column[0]], column[1]) {
				t.Errorf("%s in %s would be left behind; add it to transfer.Tables", column, where)
			}
		}
	}
}

func sqliteColumns(t *testing.T, path string) (found [][2]string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var column [2]string
		if err := rows.Scan(&column[0], &column[1]); err != nil {
			t.Fatal(err)
		}
		found = append(found, column)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func postgresColumns(t *testing.T, url string) (found [][2]string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	rows, err := conn.Query(t.Context(), `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()`)
	if err != nil {
		t.Fatal(err)
	}
	found, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (column [2]string, err error) {
		err = row.Scan(&column[0], &column[1])
		return column, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
