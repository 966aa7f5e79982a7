package check

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// metricName is how the names of our metrics read, and verdict_client_... and the like in other places don't.
var metricName = regexp.MustCompile(`\bverdict_[a-z]+(?:_[a-z]+)*\b`)

// named are the metrics that a text names, histograms by the name that has their buckets, sum and count.
func named(text string) map[string]bool {
	names := map[string]bool{}
	for _, name := range metricName.FindAllString(text, -1) {
		for _, part := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, part)
		}
		names[name] = true
	}
	return names
}

// TestMetricsAreWhereTheyAreSaidToBe holds a scrape of a gateway against all that speaks of its metrics.
func TestMetricsAreWhereTheyAreSaidToBe(t *testing.T) {
	scrape := scrapeGateway(t)
	check := exec.Command(needPromtool(t), "check", "metrics")
	check.Stdin = bytes.NewReader(scrape)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	there := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^# TYPE (verdict_\w+) `).FindAllSubmatch(scrape, -1) {
		there[string(line[1])] = true
	}
	guide := read(t, "../../docs/operating.md")
	speakers := map[string]string{
		"the rules' tests": read(t, rulesTestFile), "the dashboard": strings.Join(expressions(t), "\n"),
		"docs/operating.md": guide, "README.md": read(t, "../../README.md"), "docs/deploying.md": read(t, "../../docs/deploying.md"),
		"the adapter": read(t, "../kubernetes/prometheus-adapter.yaml"),
	}
	for name, a := range alerts(t) {
		speakers[name] = a.Expr
	}
	for speaker, text := range speakers {
		for name := range named(text) {
			if !there[name] {
				t.Errorf("%s speaks of %s, which the gateway doesn't tell", speaker, name)
			}
		}
	}
	rows := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(verdict_\\w+)").FindAllStringSubmatch(guide, -1) {
		rows[row[1]] = true
	}
	for name := range there {
		if !rows[name] {
			t.Errorf("docs/operating.md has no row for %s", name)
		}
	}
}

// scrapeGateway runs a gateway and a partner until all is told that there is to tell, and returns that.
func scrapeGateway(t *testing.T) []byte {
	t.Helper()
	dir, partner, apps, probes := t.TempDir(), freeAddress(t), freeAddress(t), freeAddress(t)
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	cert, key := pair(t, dir)
	start(t, exec.Command(binary, "thirdparty", "--address", partner, "--speed", "30"))
	gateway := exec.Command(binary, "serve", "--address", apps, "--admin-address", freeAddress(t), "--admin-probes", probes,
		"--database", "sqlite:"+filepath.Join(dir, "verdict.db"), "--stream-dir", filepath.Join(dir, "stream"),
		"--retention-transactions", "90d", "--retention-archive", filepath.Join(dir, "archive"))
	gateway.Env = append(gateway.Environ(), "VERDICT_PROVIDERS_DJAMO_URL=http://"+partner,
		"VERDICT_ADMIN_TLS_CERT="+cert, "VERDICT_ADMIN_TLS_KEY="+key, "VERDICT_NOTIFY_SHOP_FORMAT=callback", "VERDICT_NOTIFY_SHOP_URL="+backend.URL)
	start(t, gateway)
	until(t, "the gateway is ready", func() bool { return answers("http://" + probes + "/readyz") })
	// How many webhooks get lost is told once one has come for what was answered without a verdict.
	submit := `{"id":"a","simulate":{"reply":"timeout","reply_after":"1s","settles":true,"settles_after":"2s","webhook":"once","webhook_after":"3s"}}`
	until(t, "a submit", func() bool {
		answer, err := http.Post("http://"+apps+"/transaction", "application/json", strings.NewReader(submit))
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode/100 == 2
	})
	var scrape []byte
	until(t, "a webhook is learned from", func() bool {
		scrape = fetch(t, "http://"+probes+"/metrics")
		return bytes.Contains(scrape, []byte("\nverdict_partner_webhook_loss_ratio{"))
	})
	return scrape
}

// pair writes the certificate of a test server, and its key, to files.
func pair(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	of := server.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(of.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: of.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// start starts a program, and ends it with the test.
func start(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", c.Args[1], &log)
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(fmt.Sprint(what, ": not within a minute"))
		}
	}
}
