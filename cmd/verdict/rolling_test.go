package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"verdict/persistence/postgres/postgrestest"
)

// What the migration of the next release does, in each store: all that a migration may.
var nextMigration = map[string]string{
	"sqlite": `CREATE TABLE novelty (id INTEGER PRIMARY KEY) STRICT;
		ALTER TABLE transactions ADD COLUMN novel INTEGER NOT NULL DEFAULT 7;
		ALTER TABLE outbox ADD COLUMN novel TEXT;
		ALTER TABLE meta ADD COLUMN novel INTEGER NOT NULL DEFAULT 0;
		CREATE INDEX novelties ON transactions (novel, event_id);`,
	"postgres": `CREATE TABLE novelty (id bigint PRIMARY KEY);
		ALTER TABLE transactions ADD COLUMN novel bigint NOT NULL DEFAULT 7;
		ALTER TABLE outbox ADD COLUMN novel text;
		ALTER TABLE meta ADD COLUMN novel bigint NOT NULL DEFAULT 0;
		CREATE INDEX IF NOT EXISTS novelties ON transactions (novel, event_id);`,
}

// buildNext builds the next release, once: this one with a migration more of each store.
var buildNext = sync.OnceValues(func() (path string, err error) {
	dir := filepath.Dir(binary)
	overlay := map[string]string{}
	for store, text := range nextMigration {
		folder, err := filepath.Abs(filepath.Join("../../persistence", store, "migrations"))
		if err != nil {
			return "", err
		}
		released, err := filepath.Glob(filepath.Join(folder, "*.sql"))
		if err != nil {
			return "", err
		}
		next := filepath.Join(dir, store+".sql")
		overlay[filepath.Join(folder, fmt.Sprintf("%04d_next.sql", len(released)+1))] = next
		if err := os.WriteFile(next, fmt.Appendf(nil, "-- oldest: %d\n%s", len(released), text), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": overlay})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "next")
	out, err := exec.Command("go", "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// A rollout is instances of two releases on one database, behind a balancer, with apps at work all the time.
type rollout struct {
	*world   // whose address is the balancer's
	driver   string
	source   string // of the database, for the driver
	database string // as the gateway is told
	next     string // the binary of the next release
	balancer *balancer
	running  map[string]*process // by address

	mu      sync.Mutex // guards records
	records []record
}

func newRollout(t *testing.T, driver, source, database string) *rollout {
	next, err := buildNext()
	if err != nil {
		t.Fatal(err)
	}
	b := newBalancer(t)
	o := &rollout{
		world:  &world{t: t, dir: t.TempDir(), address: b.address, partner: freeAddress(t)},
		driver: driver, source: source, database: database, next: next, balancer: b, running: map[string]*process{},
	}
	launch(t, "third party ready", "thirdparty", "--address", o.partner, "--speed", worldSpeed, "--ban-after", "-1", "--seed", "42")
	return o
}

// start starts an instance of a release, and has it work beside the others.
func (o *rollout) start(release, address string) {
	o.t.Helper()
	cmd := exec.Command(release, "serve", "--address", address, "--database", o.database,
		"--stream-dir", filepath.Join(o.dir, address), "--config", o.config())
	o.running[address] = spawn(o.t, cmd, "msg=ready")
	o.balancer.add(address)
	o.running[address].await(o.t)
}

// config is that of both releases. What an instance that stops leaves behind waits for a lease of 15 s, and then for the
// time after which silence is final. The third party does what it may still do within 2.4 s.
func (o *rollout) config() string {
	o.t.Helper()
	path := filepath.Join(o.dir, "rollout.yaml")
	text := `
public_url: "http://` + o.address + `"
schedule: {checks: [1s, 1s, 2s, 2s, 30s], send_for: 20s}
sweep: 100ms
language: en
push: {spread: 500ms}
providers:
  djamo: {url: "http://` + o.partner + `", submit_timeout: 2s, not_found_final: 4s, check_budget: 100/1s}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

// stop stops an instance as an orchestrator does, under load.
func (o *rollout) stop(address string) {
	o.t.Helper()
	p := o.running[address]
	if code := p.terminate(o.t); code != 0 {
		o.t.Errorf("exit code %d after SIGTERM:\n%s", code, p.log)
	}
	o.balancer.remove(address)
}

// load has a new app submit and follow every so often until done is called, which waits for the apps. No partner contradicts
// itself: when its true webhook meets an instance that has just ended, the false one is believed.
func (o *rollout) load(ctx context.Context, every time.Duration) (done func()) {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(misfortunes)), func(n string) bool { return n == "contradicting webhooks" })
	var apps sync.WaitGroup
	stop := make(chan struct{})
	apps.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ; n++ {
			name := names[n%len(names)]
			apps.Go(func() { o.record(o.play(ctx, name, fmt.Sprintf("%s %d", name, n), misfortunes[name], 1+n%3)) })
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	return func() {
		close(stop)
		apps.Wait()
	}
}

func (o *rollout) record(r record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.records = append(o.records, r)
}

// works waits until the instances have accepted some more submits each, and some more apps have been told a verdict.
func (o *rollout) works(addresses ...string) {
	o.t.Helper()
	const more = 12
	told := func() int {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.records)
	}
	before, want := map[string]int{}, told()+more
	for _, a := range addresses {
		before[a] = o.balancer.acceptedBy(a)
	}
	o.await("verdicts", func() bool { return told() >= want })
	for _, a := range addresses {
		o.await("submits accepted by "+a, func() bool { return o.balancer.acceptedBy(a) >= before[a]+more })
	}
}

func (o *rollout) await(what string, so func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Fatalf("no %s within 30 s", what)
		}
	}
}

// number reads a number from the database, as any other program would.
func (o *rollout) number(query string) (n int, err error) {
	db, err := sql.Open(o.driver, o.source)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	return n, db.QueryRowContext(o.t.Context(), query).Scan(&n)
}

// TestTwoReleasesShareADatabase upgrades under load, one instance after the other, and goes back (I16).
func TestTwoReleasesShareADatabase(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "verdict.db")
		newRollout(t, "sqlite3", "file:"+path+"?mode=ro&_busy_timeout=5000", "sqlite:"+path).upgradeAndGoBack()
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := postgrestest.New(t).URL("public")
		newRollout(t, "pgx", url, url).upgradeAndGoBack()
	})
}

func (o *rollout) upgradeAndGoBack() {
	ctx, cancel := context.WithTimeout(o.t.Context(), 2*time.Minute)
	defer cancel()
	one, two := freeAddress(o.t), freeAddress(o.t)
	o.start(binary, one)
	done := o.load(ctx, 30*time.Millisecond)
	o.works(one)
	o.mustHaveNovelty(false)

	o.start(o.next, two) // migrates, while this release works
	o.mustHaveNovelty(true)
	o.works(one, two)

	o.stop(one)
	o.start(binary, one) // on a schema that is newer than it knows
	o.works(one, two)

	o.stop(one)
	o.works(two) // the upgrade is done

	o.start(binary, one) // and back
	o.stop(two)
	o.works(one)
	done()
	audit(o.t, o.records, o.ledger())
	o.mustHoldAll()
	var partner struct{ Repeated int }
	readPage(o.t, "http://"+o.partner+"/stats", &partner)
	if partner.Repeated > 0 {
		o.t.Errorf("%d transactions were sent twice", partner.Repeated)
	}
}

// mustHaveNovelty checks whether the schema is the next release's.
func (o *rollout) mustHaveNovelty(want bool) {
	o.t.Helper()
	if _, err := o.number("SELECT count(*) FROM novelty"); (err == nil) != want {
		o.t.Errorf("the schema is the next release's: %v, want %v", err, want)
	}
}

// mustHoldAll checks that each transaction that an app was told of is on record, with what the next release has added.
func (o *rollout) mustHoldAll() {
	o.t.Helper()
	if n, err := o.number("SELECT count(*) FROM transactions WHERE novel = 7 AND stage = 'settled'"); n != len(o.records) || err != nil {
		o.t.Errorf("%d transactions on record, error %v, want %d", n, err, len(o.records))
	}
}
