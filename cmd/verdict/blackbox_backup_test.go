package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

// A drill is a world whose record is backed up in use, lost, and restored.
type drill struct {
	*world
	backup string
}

// newDrill is a drill whose third party is out of reach until open: what is submitted stays accepted.
func newDrill(t *testing.T) *drill {
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	w.start()
	return &drill{w, filepath.Join(t.TempDir(), "backup.db")}
}

func (d *drill) open() {
	d.t.Helper()
	launch(d.t, "third party ready", "thirdparty", "--address", d.partner, "--speed", worldSpeed, "--ban-after", "-1", "--seed", "42")
}

func (d *drill) record() string { return filepath.Join(d.dir, "verdict.db") }

// run runs a command of the binary on the drill's record and returns what it printed.
func (d *drill) run(args ...string) (string, error) {
	out, err := exec.Command(binary, append(args, "--config", d.config(), "--database", "sqlite:"+d.record())...).CombinedOutput()
	return string(out), err
}

func (d *drill) must(says string, args ...string) {
	d.t.Helper()
	out, err := d.run(args...)
	if err != nil || !strings.Contains(out, says) {
		d.t.Fatalf("verdict %q: error %v, want %q in\n%s", args, err, says, out)
	}
	d.t.Logf("verdict %s: %s", args[0], out)
}

// under has apps submit until f returns, and returns the ids that were acknowledged before it began, and after.
func (d *drill) under(f func()) (before, after []string) {
	ctx, stop := context.WithCancel(d.t.Context())
	var mu sync.Mutex
	var known []string
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(known)
	}
	var apps sync.WaitGroup
	for i := range 8 {
		apps.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				v, err := d.app(fmt.Sprintf("%s app %d, %d", d.dir, i, n)).submit(ctx, `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`)
				if err != nil {
					return
				}
				mu.Lock()
				known = append(known, v.ID)
				mu.Unlock()
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	mustBecome(d.t, "there is a load", func() bool { return count() > 100 })
	n := count()
	f()
	mustBecome(d.t, "it goes on", func() bool { return count() > n+50 })
	stop()
	apps.Wait()
	return known[:n], known[n:]
}

// disk is what the record holds.
func (d *drill) disk() onDisk {
	d.t.Helper()
	held, err := readDisk(d.t.Context(), d.record())
	if err != nil {
		d.t.Fatal(err)
	}
	return held
}

func (d onDisk) stages() map[string]int {
	n := map[string]int{}
	for _, r := range d.rows {
		n[r.stage]++
	}
	return n
}

// lose backs the record up under load while nothing can be sent, has all be sent after that, and loses the disk. It returns
// the ids that were acknowledged before the backup began, and the greatest event id that was given.
func (d *drill) lose() (before []string, last int64) {
	t := d.t
	t.Helper()
	before, _ = d.under(func() { d.must("is backed up to", "backup", d.backup) })
	d.open()
	mustBecome(t, "what the backup holds as unsent is sent and settled", func() bool { return d.disk().stages()["settled"] == len(d.disk().rows) })
	for _, r := range d.disk().rows {
		last = max(last, r.event)
	}
	d.gateway.kill()
	return before, last
}

// effects returns how many effects the partner had of each transaction.
func (d *drill) effects() map[string]int {
	d.t.Helper()
	n := map[string]int{}
	for id, effects := range d.ledger() {
		n[id] = len(effects)
	}
	return n
}

// TestARestoreSendsNothingTwice is the drill that docs/operating.md describes. The partner acts again on whatever is sent
// again, and the backup holds only what it had not been sent yet.
func TestARestoreSendsNothingTwice(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	before, last := d.lose()
	effects := d.effects()

	lost := d.dir
	d.dir = t.TempDir()
	d.must("are asked about before anything of them is sent", "restore", d.backup)
	restored := d.disk()
	there := map[string]bool{}
	for _, r := range restored.rows {
		there[r.id] = true
	}
	for _, id := range before {
		if !there[id] {
			t.Errorf("%s was acknowledged before the backup began, and isn't in it", id)
		}
	}
	d.start()
	mustBecome(t, "everything is settled again", func() bool { return d.disk().stages()["settled"] == len(restored.rows) })
	asked := 0
	for _, r := range d.disk().rows {
		if r.status != "succeeded" || d.effects()[r.id] != effects[r.id] || effects[r.id] != 1 {
			t.Errorf("%s is %s; it had %d effects before the restore, and has %d", r.id, r.status, effects[r.id], d.effects()[r.id])
		}
		if r.event <= last || r.event <= verdict.SkippedEventIDs {
			t.Errorf("the verdict of %s has number %d, and %d was given before", r.id, r.event, last)
		}
		asked++
	}
	if _, err := d.app("new").submit(t.Context(), `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`); err != nil {
		t.Errorf("after the restore: %v", err)
	}
	t.Logf("%d of %d transactions were in the backup, %d acknowledged before it began", asked, len(effects), len(before))
	if asked < 100 || len(effects) < asked+20 {
		t.Error("so few prove nothing")
	}
	if _, err := os.Stat(filepath.Join(lost, "verdict.db")); err != nil {
		t.Error(err)
	}
}

// TestACopyThatIsNotRestoredActsTwice shows what a restore is for, and that the drill sees it: the same drill with the same
// copy, whose seal alone was broken.
func TestACopyThatIsNotRestoredActsTwice(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	d.lose()
	d.dir = t.TempDir()
	breakSeal(t, d.backup, d.record())
	d.start()
	mustBecome(t, "something is sent again", func() bool {
		for _, n := range d.effects() {
			if n > 1 {
				return true
			}
		}
		return false
	})
}

// breakSeal copies a backup and takes away what keeps gateways from it, and no more.
func breakSeal(t *testing.T, backup, to string) {
	t.Helper()
	content, err := os.ReadFile(backup)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", to)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT 'DROP ' || type || ' ' || name FROM sqlite_schema WHERE name LIKE 'sealed%' ORDER BY type DESC")
	if err != nil {
		t.Fatal(err)
	}
	var drops []string
	for rows.Next() {
		var drop string
		if err := rows.Scan(&drop); err != nil {
			t.Fatal(err)
		}
		drops = append(drops, drop)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(drops) < 2 {
		t.Fatalf("%q, error %v", drops, err)
	}
	if _, err := db.Exec(strings.Join(drops, ";")); err != nil {
		t.Fatal(err)
	}
}

func TestABackupIsNoRecord(t *testing.T) {
	t.Parallel()
	d := newDrill(t)
	v, err := d.app("k").post(`{}`)
	if err != nil {
		t.Fatal(err)
	}
	d.must("1 transactions (1 without a verdict)", "backup", d.backup)
	if out, err := d.run("backup", d.backup); err == nil || !strings.Contains(out, "--force") {
		t.Errorf("error %v\n%s", err, out)
	}
	d.must("is backed up to", "backup", d.backup, "--force")
	if out, err := d.run("restore", d.backup); err == nil || !strings.Contains(out, "is there already; move it away") {
		t.Errorf("error %v\n%s", err, out)
	}
	d.mustSayOfUnknown(t, "acts only once", true)
	d.gateway.kill()
	in := filepath.Dir(d.backup)
	if err := os.Rename(d.backup, filepath.Join(in, "verdict.db")); err != nil {
		t.Fatal(err)
	}
	d.backup, d.dir = filepath.Join(in, "verdict.db"), in
	out, err := d.run("serve", "--address", d.address, "--stream-dir", d.streamDir())
	if err == nil || !strings.Contains(out, "this is a backup") || !strings.Contains(out, "verdict restore") {
		t.Errorf("a gateway on a backup: error %v\n%s", err, out)
	}
	d.dir = t.TempDir()
	d.must("1 transactions without a verdict are asked about", "restore", d.backup)
	d.must("1 transactions without a verdict are asked about", "restore", "--in-place")
	d.start()
	var after view
	readPage(t, "http://"+d.address+"/v1/transactions/"+v.ID, &after)
	if after.Status != "pending" {
		t.Errorf("%+v", after)
	}
	d.mustSayOfUnknown(t, "restored from a copy", false)
}

// mustSayOfUnknown looks for a key that isn't on record.
func (d *drill) mustSayOfUnknown(t *testing.T, says string, retrySafe bool) {
	t.Helper()
	var p struct {
		Detail    string
		RetrySafe bool `json:"retry_safe"`
	}
	readPage(t, "http://"+d.address+"/v1/transactions?key=unknown", &p)
	if !strings.Contains(p.Detail, says) || p.RetrySafe != retrySafe {
		t.Errorf("of an unknown key it says %+v, want %q", p, says)
	}
}

func TestBackupAndRestoreSayTheMend(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none.db")
	for _, c := range []struct {
		says string
		args []string
	}{
		{"pg_dump", []string{"backup", none, "--database", "postgres://u:hunter2@127.0.0.1/x"}},
		{"the setting database is not sqlite:PATH", []string{"backup", none, "--database", "memory:"}},
		{"there is no such file", []string{"backup", none + "x", "--database", "sqlite:" + none}},
		{"accepts 1 arg(s)", []string{"backup"}},
		{"give either the FILE", []string{"restore"}},
		{"give either the FILE", []string{"restore", none, "--in-place"}},
		{"verdict restore --in-place", []string{"restore", none, "--database", "postgres://u:hunter2@127.0.0.1/x"}},
		{"nothing to restore", []string{"restore", "--in-place", "--database", "memory:"}},
		{"put the copy there", []string{"restore", "--in-place", "--database", "sqlite:" + none}},
		{"there is no such file", []string{"restore", none, "--database", "sqlite:" + none + "x"}},
	} {
		out, err := exec.Command(binary, c.args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.says) || strings.Contains(string(out), "hunter2") {
			t.Errorf("verdict %q: error %v\n%s", c.args, err, out)
		}
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}
