package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// whsec is a secret made of a word.
func whsec(word string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(word, 6)))
}

// A received is a notice as an app's backend has it.
type received struct {
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// An appBackend is the backend of an app. It answers what it is told to.
type appBackend struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	status int
	hold   chan struct{} // answers wait until it is closed; nil: they don't
	got    []received
}

func newAppBackend(t *testing.T) *appBackend {
	b := &appBackend{status: http.StatusOK}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *appBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	headers := map[string]string{}
	for name := range r.Header {
		headers[name] = r.Header.Get(name)
	}
	b.mu.Lock()
	b.got = append(b.got, received{r.Method, r.URL.Path, headers, string(body)})
	status, hold := b.status, b.hold
	b.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	}
	w.WriteHeader(status)
}

// answers sets what comes from now on.
func (b *appBackend) answers(status int, hold chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.hold = status, hold
}

// await waits until so many notices have come, and returns them.
func (b *appBackend) await(t *testing.T, n int, within time.Duration) []received {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		b.mu.Lock()
		got := append([]received(nil), b.got...)
		b.mu.Unlock()
		if len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%d notices came within %s, want %d", len(got), within, n)
		}
	}
}

// A tellingOffice is an office that tells an app's backend.
type tellingOffice struct {
	*office
	args []string
}

func newTellingOffice(t *testing.T, notify string) *tellingOffice {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	launch(t, "third party ready", "thirdparty", "--address", w.partner, "--speed", worldSpeed, "--seed", "42", "--ban-after", "-1")
	o := &tellingOffice{office: &office{world: w, admin: freeAddress(t)}}
	config := w.config()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(text, notify...), 0o600); err != nil {
		t.Fatal(err)
	}
	o.args = []string{"serve", "--config", config, "--address", o.address, "--admin-address", o.admin,
		"--database", "sqlite:" + filepath.Join(o.dir, "verdict.db"), "--stream-dir", o.streamDir()}
	o.open()
	return o
}

// open starts the gateway, for the first time or again.
func (o *tellingOffice) open() {
	o.t.Helper()
	o.gateway = launch(o.t, "msg=ready", o.args...)
}

// either is how a partner settles a transaction.
var either = [2]string{"completed", "declined"}

// settle has the partner settle a transaction as completed or declined, and returns what GET says of it.
func (o *tellingOffice) settle(key, as string) (view, string) {
	o.t.Helper()
	v, err := o.app(key).submit(o.t.Context(), fmt.Sprintf(`{"amount":"2500","simulate":{"status":%q,"reply":"ok"}}`, as))
	if err != nil {
		o.t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		text := o.get("http://" + o.address + "/v1/transactions/" + v.ID)
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			o.t.Fatal(err)
		}
		if v.Status != "pending" {
			return v, text
		}
	}
	o.t.Fatalf("%s is pending", v.ID)
	return v, ""
}

func (o *tellingOffice) get(url string) string {
	o.t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		o.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// notify runs the command, which must succeed and print the words.
func (o *tellingOffice) notify(says string, args ...string) {
	o.t.Helper()
	out, err := o.run("notify", args...)
	if err != nil || !strings.Contains(out, says) {
		o.t.Errorf("notify %q: %v; %q is to be in\n%s", args, err, says, out)
	}
}

func TestABackendIsToldByStandardWebhooks(t *testing.T) {
	t.Parallel()
	need(t, "node", "apt-get install nodejs npm")
	if _, err := os.Stat("../../web/foreign/node_modules/standardwebhooks"); err != nil {
		lacking(t, "web/foreign/node_modules is missing: run npm ci in web/foreign")
	}
	shop := newAppBackend(t)
	o := newTellingOffice(t, fmt.Sprintf("notify: {shop: {url: %q, secrets: [%q, %q]}}\n", shop.URL+"/hooks", whsec("newer"), whsec("older")))
	const transactions = 6
	want := map[string]string{} // the data of each, by webhook-id
	statuses := map[string]bool{}
	for n := range transactions {
		v, text := o.settle(fmt.Sprint("key ", n), either[n%2])
		var full struct{ Version int64 }
		if err := json.Unmarshal([]byte(text), &full); err != nil {
			t.Fatal(err)
		}
		want[fmt.Sprintf("%s-%d", v.ID, full.Version)] = text
		statuses["transaction."+v.Status] = true
	}
	if len(statuses) != 2 {
		t.Errorf("all are %v", statuses)
	}
	got := shop.await(t, transactions, 10*time.Second)
	var lines bytes.Buffer
	for _, r := range got {
		var body struct{ Data json.RawMessage }
		if err := json.Unmarshal([]byte(r.Body), &body); err != nil || r.Method != http.MethodPost || r.Path != "/hooks" {
			t.Errorf("%+v: %v", r, err)
		}
		if id := r.Headers["Webhook-Id"]; want[id] != string(body.Data) {
			t.Errorf("%s tells\n%s\nGET tells\n%s", id, body.Data, want[id])
		}
		delete(want, r.Headers["Webhook-Id"])
		_ = json.NewEncoder(&lines).Encode(r) // of strings
	}
	if len(want) > 0 {
		t.Errorf("not told: %v", want)
	}
	for secret, good := range map[string]bool{whsec("newer"): true, whsec("older"): true, whsec("other"): false} {
		node := exec.Command("node", "verify.mjs", secret)
		node.Dir, node.Stdin = "../../web/foreign", bytes.NewReader(lines.Bytes())
		out, err := node.CombinedOutput()
		if verified := strings.Count(string(out), "transaction."); err != nil || good != (verified == transactions) || !good && verified > 0 {
			t.Errorf("%d verified by %s (%v): %s", verified, secret, err, out)
		}
	}
	for _, line := range []string{
		`verdict_notice_attempts_total{endpoint="shop",outcome="taken"} 6`, `verdict_notices_pending{endpoint="shop"} 0`,
		`verdict_endpoint_disabled{endpoint="shop"} 0`, `verdict_notice_delay_seconds_count 6`,
	} {
		if metrics := o.get("http://" + o.admin + "/metrics"); !strings.Contains(metrics, line+"\n") {
			t.Errorf("%s is missing", line)
		}
	}
}

func TestABackendIsCalledBackInAFormOfItsOwn(t *testing.T) {
	t.Parallel()
	plain, nested := newAppBackend(t), newAppBackend(t)
	o := newTellingOffice(t, fmt.Sprintf(`notify:
  plain: {url: "%s/transaction", format: callback}
  nested: {url: "%s/transaction", format: callback, method: POST, body: '{"status":{"id":"{id}","status":"{status}"}}', succeeded: completed, failed: refused}
`, plain.URL, nested.URL))
	words := map[string][2]string{"succeeded": {"accepted", "completed"}, "failed": {"declined", "refused"}}
	for n := range 4 {
		key := fmt.Sprintf("15239%d-536694", n)
		v, _ := o.settle(key, either[n%2])
		word := words[v.Status]
		one, other := plain.await(t, n+1, 10*time.Second)[n], nested.await(t, n+1, 10*time.Second)[n]
		if want := fmt.Sprintf(`{"id":"%s","status":"%s"}`, key, word[0]); one.Body != want || one.Method != http.MethodPut || one.Path != "/transaction" {
			t.Errorf("%+v, want %s", one, want)
		}
		if want := fmt.Sprintf(`{"status":{"id":"%s","status":"%s"}}`, key, word[1]); other.Body != want || other.Method != http.MethodPost {
			t.Errorf("%+v, want %s", other, want)
		}
		if one.Headers["Webhook-Id"] != other.Headers["Webhook-Id"] || one.Headers["Webhook-Signature"] != "" {
			t.Errorf("%v and %v", one.Headers, other.Headers)
		}
	}
}

// TestABackendIsToldWhateverDies: the gateway is killed between sending a notice and putting on record that it was taken, and
// the stream's folder is deleted. Another start tells again: the same id, and the same bytes.
func TestABackendIsToldWhateverDies(t *testing.T) {
	t.Parallel()
	shop := newAppBackend(t)
	o := newTellingOffice(t, fmt.Sprintf("notify: {shop: {url: %q, secrets: [%q]}}\n", shop.URL, whsec("newer")))
	hold := make(chan struct{})
	shop.answers(http.StatusOK, hold)
	v, _ := o.settle("k", "completed")
	first := shop.await(t, 1, 10*time.Second)[0]
	o.gateway.kill()
	close(hold)
	shop.answers(http.StatusOK, nil)
	if err := os.RemoveAll(o.streamDir()); err != nil {
		t.Fatal(err)
	}
	o.open()
	second := shop.await(t, 2, time.Minute)[1]
	if first.Body != second.Body || first.Headers["Webhook-Id"] != second.Headers["Webhook-Id"] || first.Headers["Webhook-Id"] == "" {
		t.Errorf("%+v, then %+v", first, second)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		timeline := o.get("http://" + o.address + "/v1/transactions/" + v.ID + "/timeline")
		if strings.Contains(timeline, `"notified"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatal(timeline)
		}
	}
	o.mustTx(t, []string{"notice", "told", "shop: answered 200"}, "show", v.ID)
}

func TestOperatorsSeeToItThatABackendIsTold(t *testing.T) {
	t.Parallel()
	shop := newAppBackend(t)
	o := newTellingOffice(t, fmt.Sprintf("notify: {shop: {url: %q, secrets: [%q]}}\n", shop.URL, whsec("newer")))
	shop.answers(http.StatusGone, nil)
	v, _ := o.settle("k1", "completed")
	first := shop.await(t, 1, 10*time.Second)[0]
	disabled := func() bool {
		return strings.Contains(o.get("http://"+o.admin+"/metrics"), `verdict_endpoint_disabled{endpoint="shop"} 1`+"\n")
	}
	for end := time.Now().Add(10 * time.Second); !disabled(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it isn't disabled")
		}
	}
	shop.answers(http.StatusOK, nil)
	o.settle("k2", "completed")
	if code := o.gateway.terminate(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, o.gateway.log)
	}
	o.open()
	o.settle("k3", "completed")
	time.Sleep(time.Second) // ten looks at the record
	if got := shop.await(t, 1, 0); len(got) != 1 {
		t.Errorf("it was told %d times while it was disabled", len(got))
	}
	o.notify("disabled", "endpoints")
	o.notify("answered 410", "list", "--state", "pending", "--endpoint", "shop")
	o.notify("There are none", "list")
	o.notify("enabled", "enable", "shop")
	got := shop.await(t, 4, 10*time.Second)
	if got[1].Headers["Webhook-Id"] != first.Headers["Webhook-Id"] && got[2].Headers["Webhook-Id"] != first.Headers["Webhook-Id"] && got[3].Headers["Webhook-Id"] != first.Headers["Webhook-Id"] {
		t.Errorf("%+v", got)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) { // until it is on record that it was told
		out, err := o.run("notify", "show", v.ID)
		if err == nil && strings.Contains(out, "told") {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it isn't told: %v\n%s", err, out)
		}
	}
	o.notify("pending", "replay", v.ID)
	if again := shop.await(t, 5, 10*time.Second)[4]; again.Headers["Webhook-Id"] != first.Headers["Webhook-Id"] || again.Body != first.Body {
		t.Errorf("%+v, want %+v", again, first)
	}
	o.notify("0 replayed", "replay", "--endpoint", "shop")
	o.notify("told", "show", v.ID)
	if out, err := o.run("notify", "enable", "nobody"); err == nil || !strings.Contains(out, "/v1/endpoints") && !strings.Contains(out, "nobody") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAnEndpointThatIsNotConfiguredAnyMoreIsDropped(t *testing.T) {
	t.Parallel()
	shop := newAppBackend(t)
	shop.answers(http.StatusServiceUnavailable, nil)
	o := newTellingOffice(t, fmt.Sprintf("notify: {shop: {url: %q, secrets: [%q]}}\n", shop.URL, whsec("newer")))
	v, _ := o.settle("k1", "completed")
	shop.await(t, 1, 10*time.Second)
	if out, err := o.run("notify", "drop", "shop"); err == nil || !strings.Contains(out, "Take notify.shop out of the configuration") {
		t.Errorf("%v: %s", err, out)
	}
	o.notify("pending", "show", v.ID)

	o.gateway.terminate(t)
	o.config() // without notify
	o.open()
	o.notify("not configured", "endpoints")
	if got, want := completed(t, "notify", "drop", "--admin", o.admin, ""), "shop\n:4\n"; got != want {
		t.Errorf("offered are %q, want %q", got, want)
	}
	o.notify("shop is dropped; notices that it wasn't told: 1", "drop", "shop")
	o.notify("There are none", "endpoints")
	o.notify("There are none", "show", v.ID)
	o.gateway.terminate(t)
	for _, line := range []string{"see verdict notify drop", `msg="endpoint dropped" endpoint=shop notices=1`} {
		if log := o.gateway.log.String(); !strings.Contains(log, line) {
			t.Errorf("%s is missing in\n%s", line, log)
		}
	}
}

func TestWhereABackendIsToldComesFromTheEnvironmentToo(t *testing.T) {
	t.Parallel()
	c := mustReadConfig(t, "", "VERDICT_NOTIFY_SHOP_URL=https://shop.example/hooks", "VERDICT_NOTIFY_SHOP_SECRETS="+whsec("newer")+", "+whsec("older"))
	all, err := c.endpoints()
	if err != nil || len(all) != 1 || all[0].Name != "shop" || all[0].URL != "https://shop.example/hooks" || all[0].Concurrency != 8 {
		t.Errorf("%+v, error %v", all, err)
	}
	if c := mustReadConfig(t, ""); len(c.Notify) != 0 {
		t.Errorf("by default somebody is told: %v", c.Notify)
	}
}

func TestBadNotifySettingsAreRefusedWithTheMend(t *testing.T) {
	t.Parallel()
	good := `url: "https://shop.example/", secrets: ["` + whsec("newer") + `"]`
	keys := "auth: {keys: {till: {hash: \"sha256:" + strings.Repeat("ab", 32) + "\", role: service, tenant: shop}}}\n"
	for name, test := range map[string]struct{ text, says string }{
		"no URL":            {`notify: {shop: {format: callback}}`, "notify.shop: url: give an absolute"},
		"another scheme":    {`notify: {shop: {format: callback, url: "ftp://x"}}`, "url: give an absolute"},
		"a user in the URL": {`notify: {shop: {format: callback, url: "https://ama:pw@shop.example/"}}`, "url: leave out the user"},
		"a query":           {`notify: {shop: {format: callback, url: "https://shop.example/?key=pw"}}`, "url: leave out"},
		"no secret":         {`notify: {shop: {url: "https://shop.example/"}}`, "secrets: give one, as `verdict notify secret` makes it"},
		"a short secret":    {`notify: {shop: {url: "https://shop.example/", secrets: ["whsec_aGVsbG8="]}}`, "secrets: number 1 isn't whsec_"},
		"another format":    {`notify: {shop: {` + good + `, format: xml}}`, `format: "xml"; give standard or callback`},
		"a body of its own": {`notify: {shop: {` + good + `, body: "{}"}}`, "set format: callback"},
		"another method":    {`notify: {shop: {` + good + `, format: callback, method: GET}}`, `method: "GET"; give PUT or POST`},
		"an unknown field":  {`notify: {shop: {` + good + `, format: callback, body: '{"id":"{key}"}'}}`, "body: {key} is no field; there are id"},
		"one word":          {`notify: {shop: {` + good + `, format: callback, succeeded: ok}}`, "give two words"},
		"too many at once":  {`notify: {shop: {` + good + `, concurrency: 1000}}`, "concurrency: 1000; give 1 to 256"},
		"a capital":         {`notify: {Shop: {` + good + `}}`, "name it in lower-case letters"},
		"a typing error":    {`notify: {shop: {` + good + `, secret: x}}`, `"notify.shop.secret" is no setting`},
		"a tenant":          {`notify: {shop: {` + good + `, tenant: shop}}`, "tenant: leave it out"},
		"no tenant":         {keys + `notify: {shop: {` + good + `}}`, "tenant: say whose"},
	} {
		_, err := readConfig(t, test.text)
		if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "pw@") {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	if _, err := readConfig(t, keys+`notify: {shop: {`+good+`, tenant: shop}}`); err != nil {
		t.Error(err)
	}
}

func TestNotifySecretsAreMasked(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "verdict.yaml")
	if err := os.WriteFile(config, []byte(`notify: {shop: {url: "https://shop.example/", secrets: ["`+whsec("newer")+`"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary, "config", "--config", config).CombinedOutput()
	if err != nil || strings.Contains(string(out), "whsec") || !strings.Contains(string(out), "shop.example") || !strings.Contains(string(out), "***") {
		t.Errorf("%v\n%s", err, out)
	}
	made, err := exec.Command(binary, "notify", "secret").Output()
	if err != nil {
		t.Fatal(err)
	}
	c := mustReadConfig(t, "notify: {shop: {url: \"https://shop.example/\", secrets: [\""+strings.TrimSpace(string(made))+"\"]}}")
	if _, err := c.endpoints(); err != nil {
		t.Error(err)
	}
}
