package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAWebhookOfWhatTheRecordDoesNotKnowIsKept puts an older copy of the record in place of the last one, as after the
// loss of a disk. The partner goes on with what it was sent since, and its webhook must not be lost: the secret that
// tokens are made with is in the copy too.
func TestAWebhookOfWhatTheRecordDoesNotKnowIsKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	const payload = `{"simulate":{"status":"completed","reply":"ok","reply_after":"1s","webhook":"none"}}`
	old := o.submitted(t, "old", payload).ID
	o.mustEnd(t)
	backup := t.TempDir()
	o.copyRecord(t, o.dir, backup)

	o.startAgain(t)
	forgotten := o.submitted(t, "forgotten", payload).ID
	mustBecome(t, "it is settled", func() bool { return o.file(t, forgotten).Transaction.Stage == "settled" })
	hook := o.hookOf(t, forgotten)
	o.mustEnd(t)
	o.copyRecord(t, backup, o.dir)

	o.startAgain(t)
	for id, want := range map[string]int{old: http.StatusOK, forgotten: http.StatusNotFound} {
		if code, text := o.get(t, "/v1/transactions/"+id); code != want {
			t.Errorf("after the restore %s is answered with %d %s, want %d", id, code, text, want)
		}
	}
	body := `{"id":"` + forgotten + `","status":"completed"}`
	for _, when := range []string{"at first", "the second time"} {
		if code := postWebhook(t, hook, body); code != http.StatusOK {
			t.Errorf("%s the webhook is answered %d", when, code)
		}
		o.mustHaveParked(t, when, forgotten, body)
	}
	o.gateway.kill()
	o.startAgain(t)
	o.mustHaveParked(t, "after a crash", forgotten, body)
	if code := postWebhook(t, hook+"x", body); code/100 == 2 {
		t.Errorf("with another token it is answered %d", code)
	}
}

// mustHaveParked wants that one webhook to wait for its transaction, in the metrics and on disk.
func (o *office) mustHaveParked(t *testing.T, when, id, body string) {
	t.Helper()
	if !o.metric(t, "verdict_parked_webhooks 1") {
		_, metrics := o.get(t, "/metrics")
		t.Errorf("%s there is not one parked webhook in\n%s", when, metrics)
	}
	d, err := readDisk(t.Context(), o.record())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.parked) != 1 || d.parked[0] != (hooking{transaction: id, body: body}) {
		t.Errorf("%s these are parked: %+v", when, d.parked)
	}
}

func (o *office) record() string { return filepath.Join(o.dir, "verdict.db") }

func (o *office) startAgain(t *testing.T) {
	t.Helper()
	o.gateway = launch(t, "msg=ready", o.serve("http://"+o.partner)...)
}

func (o *office) mustEnd(t *testing.T) {
	t.Helper()
	if code := o.gateway.terminate(t); code != 0 {
		t.Fatalf("exit code %d after SIGTERM:\n%s", code, o.gateway.log)
	}
}

// copyRecord puts the files of the database in one folder in place of those in another. Nobody uses them.
func (o *office) copyRecord(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range []string{"verdict.db", "verdict.db-wal", "verdict.db-shm"} {
		if err := os.RemoveAll(filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) && name != "verdict.db" {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// hookOf returns the URL that the partner was told for a transaction's webhooks.
func (o *office) hookOf(t *testing.T, id string) string {
	t.Helper()
	var known struct{ WebhookURL string }
	readPage(t, "http://"+o.partner+"/transaction/"+id, &known)
	if !strings.HasPrefix(known.WebhookURL, "http://"+o.address+"/webhooks/djamo/"+id) {
		t.Fatalf("the partner was told to call %q", known.WebhookURL)
	}
	return known.WebhookURL
}

func postWebhook(t *testing.T, url, body string) int {
	t.Helper()
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
