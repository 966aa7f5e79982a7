package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"verdict/web/admin"
)

// An office is a world with a listener for operators, whose partner is asked once and then no more.
type office struct {
	*world
	admin string
}

func newOffice(t *testing.T, args ...string) *office {
	t.Helper()
	return newOfficeBefore(t, []string{"--ban-after", "-1"}, args...)
}

// newOfficeBefore is an office before a partner that is told more.
func newOfficeBefore(t *testing.T, partner []string, args ...string) *office {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	launch(t, "third party ready", append([]string{"thirdparty", "--address", w.partner, "--speed", worldSpeed, "--seed", "42"}, partner...)...)
	o := &office{world: w, admin: freeAddress(t)}
	o.gateway = launch(t, "msg=ready", append(o.serve("http://"+w.partner), args...)...)
	return o
}

// serve is the command of a gateway with that partner.
func (o *office) serve(partner string) []string {
	o.t.Helper()
	path := filepath.Join(o.dir, "office.yaml")
	text := `
schedule: {checks: [1s]}
sweep: 50ms
providers:
  djamo: {url: "` + partner + `", submit_timeout: 5s, not_found_final: 0}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
	return []string{"serve", "--config", path, "--address", o.address, "--admin-address", o.admin,
		"--database", "sqlite:" + filepath.Join(o.dir, "verdict.db"), "--stream-dir", o.streamDir()}
}

// tx runs the command and returns what it printed.
func (o *office) tx(args ...string) (string, error) { return o.run("tx", args...) }

// run runs a command of operators and returns what it printed.
func (o *office) run(command string, args ...string) (string, error) {
	out, err := exec.Command(binary, append([]string{command, "--admin", o.admin}, args...)...).CombinedOutput()
	return string(out), err
}

// mustTx runs the command, which must succeed and print the words.
func (o *office) mustTx(t *testing.T, says []string, args ...string) {
	t.Helper()
	out, err := o.tx(args...)
	if err != nil {
		t.Fatalf("tx %q: %v\n%s", args, err, out)
	}
	for _, word := range says {
		if !strings.Contains(out, word) {
			t.Errorf("tx %q: %q is missing in\n%s", args, word, out)
		}
	}
}

// file is what the command shows of a transaction to machines.
func (o *office) file(t *testing.T, id string) admin.File {
	t.Helper()
	out, err := o.tx("show", id, "--json")
	var f admin.File
	if err == nil {
		err = json.Unmarshal([]byte(out), &f)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return f
}

// get returns what operators are answered.
func (o *office) get(t *testing.T, path string) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + o.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func (o *office) metric(t *testing.T, line string) bool {
	t.Helper()
	code, text := o.get(t, "/metrics")
	return code == http.StatusOK && strings.Contains(text, "\n"+line+"\n")
}

// mustBecome polls for what no signal tells.
func mustBecome(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never happened: " + what)
		}
	}
}

// submitted submits a transaction under a key, and waits for no verdict.
func (o *office) submitted(t *testing.T, key, payload string) view {
	t.Helper()
	v, err := o.app(key).post(payload)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// undecided submits a transaction that the partner never decides, and waits until it is for review.
func (o *office) undecided(t *testing.T, key string) string {
	t.Helper()
	v := o.submitted(t, key, `{"note":"\u001b[31m","simulate":{"reply":"timeout","settles":false}}`)
	mustBecome(t, "it is for review", func() bool { return o.file(t, v.ID).Transaction.Stage == "review" })
	return v.ID
}

func TestAnOperatorResolvesWhatThePartnerNeverDecides(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	id := o.undecided(t, "order-17")
	o.mustTx(t, []string{id, "review", "djamo", "order-17", "the partner gave no verdict in time"}, "list")
	o.mustTx(t, []string{"There are none."}, "list", "--stage", "accepted")
	o.mustTx(t, []string{id, "review"}, "find", "order-17")
	o.mustTx(t, []string{id}, "find", id, "--status", "pending", "--stage", "review", "--provider", "djamo", "--from", "2026-01-14T09:00:00Z")
	o.mustTx(t, []string{id, "1 found among 1, back to", "There may be more: --below " + id}, "find", "--limit", "1")
	o.mustTx(t, []string{"There are none."}, "find", "--until", "2026-01-14T09:00:00Z")
	o.mustTx(t, []string{id, "default, app", "accepted", "sending", "reply", "unknown", "check", "not_found"}, "show", id)
	if !o.metric(t, "verdict_review_transactions 1") {
		t.Error("the metrics don't count it")
	}

	o.mustTx(t, []string{id, "djamo is asked now"}, "check", id)
	mustBecome(t, "it was asked about and is for review again", func() bool {
		f := o.file(t, id)
		checks := 0
		for _, e := range f.Evidence {
			if e.Source == "check" && e.Outcome == "not_found" {
				checks++
			}
		}
		return checks == 2 && f.Transaction.Stage == "review"
	})

	for _, wrong := range [][]string{
		{"resolve", id, "succeeded"}, {"resolve", id, "maybe", "--reason", "x"}, {"resolve", id}, {"show", "nobody"}, {"list", "--stage", "x"}, {"find", "--from", "yesterday"},
	} {
		if out, err := o.tx(wrong...); err == nil {
			t.Errorf("tx %q: %s", wrong, out)
		}
	}
	o.mustResolve(t, id)
	if out, err := o.tx("resolve", id, "failed", "--reason", "changed my mind"); err == nil || !strings.Contains(out, "not for review") {
		t.Errorf("resolved again: %v %s", err, out)
	}
	o.mustTx(t, []string{"nothing to ask", "succeeded"}, "check", id)
	o.mustTx(t, []string{"operator", "on the statement", "verdict"}, "show", id)
	if !o.metric(t, "verdict_review_transactions 0") {
		t.Error("the metrics still count it")
	}
}

// mustResolve resolves a transaction while its app listens, which must be told the verdict and not the reason.
func (o *office) mustResolve(t *testing.T, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+o.address+"/v1/transactions/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	next := func() (v view, data string) {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &v); err != nil {
					t.Fatal(err)
				}
				return v, data
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return v, ""
	}
	if v, _ := next(); v.Status != "pending" {
		t.Fatalf("before: %+v", v)
	}
	o.mustTx(t, []string{id, "succeeded"}, "resolve", id, "succeeded", "--reason", "on the statement of 14 January")
	if v, data := next(); v.Status != "succeeded" || strings.Contains(data, "statement") {
		t.Errorf("the app was told %s", data)
	}
}

func TestAContradictionIsShownToOperators(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	v := o.submitted(t, "k", `{"simulate":{"reply":"ok","status":"completed","webhook":"contradict","reply_after":"1s","webhook_after":"2s"}}`)
	mustBecome(t, "the contradiction is counted", func() bool { return o.metric(t, "verdict_conflicts 1") })
	o.mustTx(t, []string{v.ID, "succeeded", "failed", "webhook"}, "conflicts")
	o.mustTx(t, []string{v.ID, `"conflict":true`}, "conflicts", "--json")
	o.mustTx(t, []string{"CONFLICT", `\"declined\"`}, "show", v.ID)
	if f := o.file(t, v.ID); f.Transaction.Status != "succeeded" {
		t.Errorf("it flipped to %s", f.Transaction.Status)
	}
}

func TestTheCommandPrintsNoEscapesToTheTerminal(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\x1b[31mb", "a\u009b31mb", "a\u202eb", "a\nb\tc"} {
		if got := printed(text); got == text || strings.ContainsAny(got, "\x1b\u009b\u202e\n\t") {
			t.Errorf("%q is printed as %q", text, got)
		}
	}
	if got := printed("déjà vu 3 €"); got != "déjà vu 3 €" {
		t.Errorf("%q", got)
	}
}

func TestAnOfficeClosesLast(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	if code, text := o.get(t, "/readyz"); code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	v := o.submitted(t, "k", `{"simulate":{"reply":"ok","reply_after":"100s"}}`) // 2 s
	mustBecome(t, "it is being sent", func() bool { return o.file(t, v.ID).Transaction.Sends == 1 })
	if err := o.gateway.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	mustBecome(t, "it says that it stops", func() bool {
		code, text := o.get(t, "/readyz")
		return code == http.StatusServiceUnavailable && strings.HasPrefix(text, "not ready\n") && strings.Contains(text, "instance: stopping\n")
	})
	if f := o.file(t, v.ID); f.Transaction.Status != "pending" {
		t.Errorf("it was not ready only when all was over: %s", f.Transaction.Status)
	}
	select {
	case <-o.gateway.done:
	case <-time.After(30 * time.Second):
		t.Fatal("still running")
	}
	if code := o.gateway.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, o.gateway.log)
	}
}

func TestTheDemoServesOperators(t *testing.T) {
	t.Parallel()
	o := &office{world: &world{t: t}, admin: freeAddress(t)}
	demo := launch(t, "Ctrl-C", "demo", "--address", freeAddress(t), "--thirdparty", freeAddress(t), "--admin", o.admin, "--data", t.TempDir())
	o.mustTx(t, []string{"There are none."}, "list")
	if page := "http://" + o.admin; !strings.Contains(demo.log.String(), page+" as an operator") {
		t.Errorf("it doesn't say where the console is: %s", demo.log)
	} else if code, text := o.get(t, "/"); code != http.StatusOK || !strings.Contains(text, "<title>Verdict console</title>") {
		t.Errorf("%d %s", code, text)
	}
}
