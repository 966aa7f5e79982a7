package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
)

// TestAFirstDay is what somebody does who has the README and what it links to, and an empty machine.
func TestAFirstDay(t *testing.T) {
	t.Parallel()
	need(t, "chromium", "apt-get install chromium")
	d := newFirstDay(t)

	// The morning: the demo, and a payment through it.
	demo := launch(t, "Ctrl-C", "demo", "--address", d.address, "--admin", d.admin, "--thirdparty", freeAddress(t), "--data", t.TempDir())
	first := d.submitted(t, "152399-536694", `{"amount":"2500","simulate":{"reply":"ok","status":"completed","reply_after":"1s"}}`)
	mustBecome(t, "the demo's verdict is known", func() bool { return d.file(t, first.ID).Transaction.Status == verdict.Succeeded })
	if code := demo.terminate(t); code != 0 {
		t.Errorf("the demo ends with %d", code)
	}

	// A partner of another shape is described, tried, and paid through.
	d.says("ok       check", "provider", "test", "acme")
	d.start()
	d.shop.sell("webhook")
	d.shop.mustShow("webhook: succeeded")

	// A payment gets stuck. It is found and resolved in the console, and the customer who waits is told.
	d.shop.sell("stuck")
	mustBecome(t, "it is counted as one for a person", func() bool { return d.metric(t, "verdict_review_transactions 1") })
	stuck := d.listed("review", "stuck")
	d.mustTx(t, []string{"the partner gave no verdict in time", "check  pending", `\"state\":\"processing\"`}, "show", stuck)
	d.shop.mustShow("stuck: pending")
	runNode(t, "browsertest", []string{"VERDICT_ADMIN=http://" + d.admin, "VERDICT_KEY=stuck"}, "firstday.test.mjs")
	d.shop.mustShow("stuck: succeeded")
	for _, line := range []string{
		"verdict_review_transactions 0",
		`verdict_verdicts_total{provider="acme",source="webhook",status="succeeded"} 1`,
		`verdict_verdicts_total{provider="acme",source="operator",status="succeeded"} 1`,
		`verdict_submits_total{answer="accepted",provider="acme"} 2`,
	} {
		mustBecome(t, "the metrics say "+line, func() bool { return d.metric(t, line) })
	}

	// The evening: a backup is made while the partner is too busy to take a payment, which it takes after that.
	d.partner.beBusy(true)
	d.shop.sell("late")
	d.shop.mustShow("late: pending")
	late := d.listed("accepted", "late")
	backup := filepath.Join(t.TempDir(), "verdict.db")
	d.says("3 transactions (1 without a verdict)", "backup", backup)
	d.partner.beBusy(false)
	mustBecome(t, "the partner has taken it", func() bool { return d.partner.has(late) })
	posts, _, _ := d.partner.counts()

	// The disk is lost. The gateway goes on elsewhere with the copy, which holds as unsent what was sent.
	d.gateway.kill()
	d.move()
	d.partner.decide(late)
	d.says("1 transactions without a verdict are asked about before anything of them is sent", "restore", backup)
	d.start()
	d.shop.mustShow("late: succeeded")
	for _, note := range []string{"webhook", "stuck", "late"} {
		d.listed("settled", note)
	}
	if again, _, _ := d.partner.counts(); again != posts {
		t.Errorf("the partner was sent %d payments before the restore, and %d more after it", posts, again-posts)
	}
}

// A firstDay is an office with a partner and a shop, whose folder holds a configuration and what the gateway puts there.
type firstDay struct {
	*office
	partner *acme
	shop    *shop
}

func newFirstDay(t *testing.T) *firstDay {
	d := &firstDay{
		office:  &office{world: &world{t: t, dir: t.TempDir(), address: freeAddress(t)}, admin: freeAddress(t)},
		partner: newAcme(t, (*httptest.Server).Start),
	}
	d.shop = newShop(t, "http://"+d.address)
	text := documented(t, "acme", d.partner.URL+"/v2") + `
address: ` + d.address + `
origins: ["` + d.shop.URL + `"]
schedule: {checks: [1s, 1s, 1s]}
`
	if err := os.WriteFile(filepath.Join(d.dir, "verdict.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// command is one of the binary that is given in the day's folder.
func (d *firstDay) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append(args, "--config", "verdict.yaml")...)
	cmd.Dir = d.dir
	cmd.Env = append(os.Environ(), acmeVariable, "VERDICT_ADMIN_ADDRESS="+d.admin)
	return cmd
}

func (d *firstDay) says(words string, args ...string) {
	d.t.Helper()
	out, err := d.command(args...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), words) {
		d.t.Fatalf("verdict %q: error %v, want %q in\n%s", args, err, words, out)
	}
}

func (d *firstDay) start() {
	d.t.Helper()
	d.gateway = spawn(d.t, d.command("serve"), "msg=ready")
	d.gateway.await(d.t)
}

// move goes on in an empty folder with the same configuration.
func (d *firstDay) move() {
	d.t.Helper()
	text, err := os.ReadFile(filepath.Join(d.dir, "verdict.yaml"))
	if err == nil {
		d.dir = d.t.TempDir()
		err = os.WriteFile(filepath.Join(d.dir, "verdict.yaml"), text, 0o600)
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// listed waits until operators find the transaction of a key at a stage, and returns its id.
func (d *firstDay) listed(stage, key string) (id string) {
	d.t.Helper()
	mustBecome(d.t, key+" is listed as "+stage, func() bool {
		out, err := d.tx("list", "--stage", stage, "--json")
		if err != nil {
			d.t.Fatalf("%v: %s", err, out)
		}
		var page struct{ Transactions []admin.Transaction }
		if err := json.Unmarshal([]byte(out), &page); err != nil {
			d.t.Fatal(err)
		}
		for _, tx := range page.Transactions {
			if tx.Key == key {
				id = tx.ID
			}
		}
		return id != ""
	})
	return id
}

// A shop serves the page of testdata/shop.html, and has a customer with a browser.
type shop struct {
	*httptest.Server
	t         *testing.T
	purchases chan string
	mu        sync.Mutex // guards shown
	shown     []string
}

func newShop(t *testing.T, gateway string) *shop {
	s := &shop{t: t, purchases: make(chan string)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/shop.html") })
	mux.Handle("GET /client/", http.StripPrefix("/client", http.FileServer(http.Dir("../../web/client/dist"))))
	mux.HandleFunc("GET /purchases", s.tell)
	mux.HandleFunc("POST /shown", s.hear)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.CloseClientConnections)
	spawn(t, exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), s.URL+"/?gateway="+url.QueryEscape(gateway)), "")
	return s
}

// tell tells the page what is bought, for as long as it listens.
func (s *shop) tell(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		_ = http.NewResponseController(w).Flush()
		select {
		case note := <-s.purchases:
			fmt.Fprintf(w, "data: %s\n\n", note)
		case <-r.Context().Done():
			return
		}
	}
}

func (s *shop) hear(_ http.ResponseWriter, r *http.Request) {
	line, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shown = append(s.shown, string(line))
}

// sell has the customer buy something.
func (s *shop) sell(note string) {
	s.t.Helper()
	select {
	case s.purchases <- note:
	case <-time.After(30 * time.Second):
		s.t.Fatal("no page is open")
	}
}

// mustShow waits until the customer is shown the words.
func (s *shop) mustShow(words string) {
	s.t.Helper()
	mustBecome(s.t, "the page shows "+words, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Contains(s.shown, words)
	})
}
