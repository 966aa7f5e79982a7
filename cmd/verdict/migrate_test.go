package main

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"verdict"
	"verdict/persistence/postgres"
	"verdict/persistence/postgres/postgrestest"
	"verdict/persistence/sqlite"
	"verdict/persistence/transfer"
)

const (
	soonCompleted  = `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`
	laterCompleted = `{"simulate":{"status":"completed","reply":"ok","reply_after":"200s","webhook":"none"}}` // in 4 s
)

// moveTo is the command that moves the record to a database.
func (w *world) moveTo(url string) *exec.Cmd {
	return exec.Command(binary, "migrate", "--from", "sqlite://"+filepath.Join(w.dir, "verdict.db"), "--to", url)
}

// mustMove moves the record, and returns what the command printed.
func (w *world) mustMove(t *testing.T, url string) string {
	t.Helper()
	out, err := w.moveTo(url).CombinedOutput()
	if err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	if strings.Contains(string(out), "secret") {
		t.Errorf("the password is shown:\n%s", out)
	}
	return string(out)
}

// TestAGatewayMovesToPostgreSQL moves the record of a gateway that runs, and goes on with one that uses the copy.
func TestAGatewayMovesToPostgreSQL(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t).URL("moved")
	o := newOffice(t)
	review := o.undecided(t, "for review")
	first, second := o.verdictOf(t, "first", soonCompleted), o.verdictOf(t, "second", soonCompleted)
	issued, _ := o.fetched(t)
	tokens := verdict.Tokens{Secret: o.secret(t)}
	hook := func(id string) string { return "http://" + o.address + "/webhooks/djamo/" + tokens.Token("djamo", id) }
	if told := o.hookOf(t, first.view.ID); told != hook(first.view.ID) {
		t.Fatalf("the partner was told to call %s, not %s", told, hook(first.view.ID))
	}
	unknown := newID()
	if code := postWebhook(t, hook(unknown), `{"id":"`+unknown+`","status":"completed"}`); code != http.StatusOK {
		t.Fatalf("a webhook is answered %d", code)
	}
	pending := o.submitted(t, "pending", laterCompleted)
	mustBecome(t, "it is sent", func() bool { return o.file(t, pending.ID).Transaction.Stage == "sending" })

	out := o.mustMove(t, url)
	for _, words := range []string{"was moved to postgres://127.0.0.1:", "search_path=moved: ", " MB in ", "Give the gateways that as database"} {
		if !strings.Contains(out, words) {
			t.Errorf("%q is missing in\n%s", words, out)
		}
	}
	if n := strings.Count(out, "the same in both"); n != len(transfer.Tables()) {
		t.Errorf("%d tables are the same in both:\n%s", n, out)
	}
	if again := o.mustMove(t, url); !strings.Contains(again, "already. Nothing is left to do.") {
		t.Errorf("moved again:\n%s", again)
	}
	if stage := o.file(t, pending.ID).Transaction.Stage; stage != "sending" {
		t.Fatalf("it was %s before the move", stage)
	}
	o.mustBeUnavailable(t, "late")
	o.mustEnd(t)
	mustNotServe(t, "was moved to postgres://", o.serve("http://"+o.partner)...)

	o.gateway = launch(t, "msg=ready", append(o.serve("http://"+o.partner), "--database", url)...)
	if again := o.submitted(t, "first", soonCompleted); again != first.view {
		t.Errorf("a repeat of %+v is answered %+v", first.view, again)
	}
	if heard := o.nextEvent(t, first.id); heard != second.id {
		t.Errorf("after event %s comes %s, want %s", first.id, heard, second.id)
	}
	if stage := o.file(t, review).Transaction.Stage; stage != "review" {
		t.Errorf("what was for review is %s", stage)
	}
	if !o.metric(t, "verdict_parked_webhooks 1") {
		t.Error("the webhook doesn't wait any more")
	}
	for _, id := range []string{first.view.ID, pending.ID} {
		if code := postWebhook(t, hook(id), `{"id":"`+id+`","status":"completed"}`); code != http.StatusOK {
			t.Errorf("a webhook to an URL of before is answered %d", code)
		}
	}
	for _, key := range []string{"late", issued} {
		if told := o.verdictOf(t, key, soonCompleted); told.view.Status != "succeeded" {
			t.Errorf("%s: %+v", key, told.view)
		}
	}
	if told := o.verdictOf(t, "pending", laterCompleted); told.view.ID != pending.ID || told.view.Status != "succeeded" {
		t.Errorf("what was pending as %s: %+v", pending.ID, told.view)
	}
	for id, effects := range o.ledger() {
		if len(effects) > 1 {
			t.Errorf("%s had %d effects", id, len(effects))
		}
	}
}

// mustNotServe starts a gateway, which must end with these words.
func mustNotServe(t *testing.T, says string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), says) {
		t.Fatalf("%v: %v, want it to say %q:\n%s", args, err, says, out)
	}
}

// verdictOf submits until it is acknowledged, and returns the verdict as it was pushed.
func (w *world) verdictOf(t *testing.T, key, payload string) told {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	v, err := w.app(key).submit(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	events, err := w.app(key).follow(ctx, v.ID, (*app).sse)
	if err != nil {
		t.Fatal(err)
	}
	return events[len(events)-1]
}

func (w *world) mustBeUnavailable(t *testing.T, key string) {
	t.Helper()
	app := w.app(key)
	app.http.Timeout = 20 * time.Second // it may wait for the file's lock
	_, err := app.post(soonCompleted)
	var refused *problemError
	if !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
		t.Errorf("%s: %v, want 503", key, err)
	}
}

// secret is what the gateway makes tokens with.
func (w *world) secret(t *testing.T) []byte {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(w.dir, "verdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	made, err := s.Secret(t.Context())
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return made
}

// nextEvent returns the number of the first event that an app hears which has heard up to that one.
func (w *world) nextEvent(t *testing.T, after string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.address+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", after)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	event := ""
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case field == "event":
			event = value
		case field == "id" && event == "transaction":
			return value
		}
	}
	return "the end"
}

// TestAMoveThatIsKilledGoesOn kills a move at points of which PostgreSQL tells, while a gateway runs on the file and stores
// something new after each. Apps insist all the while.
func TestAMoveThatIsKilledGoesOn(t *testing.T) {
	t.Parallel()
	server := postgrestest.New(t)
	url := server.URL("public")
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	load := w.loadOf(ctx)
	load.add(t)

	target := newBlocker(t, url)
	killed := func(where string) {
		t.Helper()
		p := spawn(t, w.moveTo(url), "\x00")
		target.awaitBlocked(t, p)
		p.kill()
		target.release(t)
		t.Logf("killed %s", where)
	}

	target.run(t, "BEGIN; SELECT pg_advisory_xact_lock(x'76657264696374'::bigint)") // which bars changes of the schema
	killed("before the target is one")
	load.add(t)

	w.stage(t, url)
	target.run(t, `CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
		CREATE TRIGGER hold BEFORE INSERT ON moving_evidence FOR EACH ROW WHEN (NEW.number = 2) EXECUTE FUNCTION hold()`)
	target.run(t, "BEGIN; SELECT pg_advisory_xact_lock(1)")
	p := spawn(t, w.moveTo(url), "\x00")
	target.awaitBlocked(t, p)
	w.mustBeUnavailable(t, "while the file is held")
	p.kill()
	target.release(t)
	t.Log("killed in the middle of a chunk of evidence, after the transactions")
	load.add(t)

	target.run(t, "DROP TRIGGER hold ON moving_evidence; BEGIN; LOCK TABLE moving_spent IN ACCESS EXCLUSIVE MODE")
	killed("when most is copied")
	load.add(t)

	target.run(t, "BEGIN; LOCK TABLE moving_spent IN ACCESS SHARE MODE")
	killed("when the source is marked, and the target isn't finished")
	w.mustBeUnavailable(t, "after the move")
	w.gateway.terminate(t)
	mustNotServe(t, "isn't finished; run verdict migrate again", w.serve(url)...)
	mustNotServe(t, "was moved to", w.serve("sqlite:"+filepath.Join(w.dir, "verdict.db"))...)

	target.run(t, "BEGIN; LOCK TABLE moving_evidence IN ACCESS EXCLUSIVE MODE")
	p = spawn(t, w.moveTo(url), "\x00")
	target.awaitBlocked(t, p)
	if code := p.terminate(t); code == 0 || !strings.Contains(p.log.String(), "is marked as moved to postgres://") || strings.Contains(p.log.String(), "in use") {
		t.Errorf("interrupted, it ends with %d:\n%s", code, p.log)
	}
	target.release(t)

	out := w.mustMove(t, url)
	if n := strings.Count(out, "the same in both"); n != len(transfer.Tables()) {
		t.Errorf("%d tables are the same in both:\n%s", n, out)
	}
	launch(t, "msg=ready", w.serve(url)...)
	load.add(t)
	audit(t, load.wait(), w.ledger())
}

// stage begins a move, and copies nothing.
func (w *world) stage(t *testing.T, url string) {
	t.Helper()
	source, err := sqlite.OpenSource(t.Context(), filepath.Join(w.dir, "verdict.db"))
	if err != nil {
		t.Fatal(err)
	}
	target, err := postgres.OpenTarget(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	origin, err := source.Hold(t.Context())
	if err == nil {
		err = target.Begin(t.Context(), origin)
	}
	if err := errors.Join(err, target.Close(), source.Close()); err != nil {
		t.Fatal(err)
	}
}

func (w *world) serve(database string) []string {
	return []string{"serve", "--address", w.address, "--database", database, "--stream-dir", w.streamDir(), "--config", w.config()}
}
