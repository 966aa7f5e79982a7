package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// archived is a line of an archive, as any program would read it.
type archived struct {
	Kind     string
	ID       string
	Status   string
	Evidence []struct{ Source, Outcome string }
	Body     struct{ Text string }
}

// readArchive reads an archive's files, and keeps one line of each kind and id.
func readArchive(t *testing.T, dir string) map[string]archived {
	t.Helper()
	kept := map[string]archived{}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, error %v", file, info.Mode(), err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line archived
			if json.Unmarshal(lines.Bytes(), &line) == nil { // else a crash has left it
				kept[line.Kind+" "+line.ID] = line
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return kept
}

// forgetting is what a gateway is told that keeps transactions for two seconds.
func forgetting(archive string) []string {
	return []string{"--idempotency-retention", "0s", "--retention-transactions", "2s", "--retention-archive", archive,
		"--traces-endpoint", "http://127.0.0.1:9"} // where nobody listens: a store that is traced is another, and forgets all the same
}

// TestWhatIsOverLeavesTheRecordForTheArchive crashes the gateway again and again while it archives under load: each
// transaction ends in the archive, with all that was heard of it, and none is lost between the two.
func TestWhatIsOverLeavesTheRecordForTheArchive(t *testing.T) {
	t.Parallel()
	archive := filepath.Join(t.TempDir(), "archive")
	o := newOffice(t, forgetting(archive)...)
	settled := map[string]bool{}
	const payload = `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`
	for round := range 4 {
		for n := range 50 {
			settled[o.submitted(t, fmt.Sprint(round, " ", n), payload).ID] = true
		}
		time.Sleep(1500 * time.Millisecond) // and so it is in the middle of it, now and then
		o.gateway.kill()
		o.gateway = launch(t, "msg=ready", append(o.serve("http://"+o.partner), forgetting(archive)...)...)
	}
	review := o.undecided(t, "undecided")
	conflict := o.submitted(t, "k", `{"simulate":{"reply":"ok","status":"completed","webhook":"contradict","reply_after":"1s","webhook_after":"2s"}}`).ID
	mustBecome(t, "the contradiction is counted", func() bool { return o.metric(t, "verdict_conflicts 1") })
	mustBecome(t, "only what is for people is on record", func() bool {
		d, err := readDisk(t.Context(), o.record())
		return err == nil && len(d.rows) == 2
	})
	kept := readArchive(t, archive)
	for id := range settled {
		if line := kept["transaction "+id]; line.Status != "succeeded" || len(line.Evidence) == 0 {
			t.Errorf("%s is archived as %+v", id, line)
		}
		if code, _ := o.get(t, "/v1/transactions/"+id); code != http.StatusNotFound {
			t.Errorf("%s is answered with %d", id, code)
		}
	}
	for _, id := range []string{review, conflict} {
		if line, ok := kept["transaction "+id]; ok {
			t.Errorf("archived: %+v", line)
		}
		if f := o.file(t, id); len(f.Evidence) == 0 {
			t.Errorf("%+v", f)
		}
	}
	_, metrics := o.get(t, "/metrics")
	for _, name := range []string{"verdict_retention_archived_total ", "verdict_retention_deleted_total ", "verdict_retention_failures_total 0\n"} {
		if !strings.Contains(metrics, "\n"+name) {
			t.Errorf("the metrics lack %s", name)
		}
	}
	o.strays(t, archive)
}

// strays has a webhook come for a transaction that was forgotten: it waits as long as that would have been kept.
func (o *office) strays(t *testing.T, archive string) {
	t.Helper()
	id := o.submitted(t, "stray", `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`).ID
	mustBecome(t, "the partner knows it", func() bool {
		answer, err := http.Get("http://" + o.partner + "/transaction/" + id)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	hook := o.hookOf(t, id)
	mustBecome(t, "it is forgotten", func() bool {
		code, _ := o.get(t, "/v1/transactions/"+id)
		return code == http.StatusNotFound
	})
	body := `{"id":"` + id + `","status":"completed"}`
	if code := postWebhook(t, hook, body); code != http.StatusOK {
		t.Fatalf("the webhook is answered %d", code)
	}
	mustBecome(t, "it waits", func() bool { return o.metric(t, "verdict_parked_webhooks 1") })
	mustBecome(t, "it waits no more", func() bool { return o.metric(t, "verdict_parked_webhooks 0") })
	if line := readArchive(t, archive)["webhook "+id]; line.Body.Text != body {
		t.Errorf("it is archived as %+v", line)
	}
}

func TestDaysAreTimes(t *testing.T) {
	t.Parallel()
	c := mustReadConfig(t, "", "VERDICT_RETENTION_TRANSACTIONS=90d", "VERDICT_IDEMPOTENCY_RETENTION=2d", "VERDICT_SWEEP=1s")
	if c.Retention.Transactions != 90*24*time.Hour || c.Keys.Retention != 48*time.Hour || c.Sweep != time.Second {
		t.Errorf("%+v", c)
	}
}

func TestNothingIsForgottenUnasked(t *testing.T) {
	t.Parallel()
	c := mustReadConfig(t, "")
	if r, err := c.Retention.open(nil, nil); r != nil || err != nil || retentionMetrics(r) != nil {
		t.Errorf("%+v, error %v", r, err)
	}
	if _, err := os.Stat("data"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder was made: %v", err)
	}
	for _, r := range []retentionConfig{
		{Transactions: time.Hour, Archive: "x"}, {Transactions: c.Keys.Retention, Archive: "x"}, {Transactions: -1, Archive: "x"}, {Transactions: 90 * 24 * time.Hour},
	} {
		if err := r.validate(c.Keys); err == nil {
			t.Errorf("%+v is valid", r)
		}
	}
}
