package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// foreignSecret is what the users' tokens are signed with.
const foreignSecret = "a secret of 32 bytes, or of more"

// TestForeignClients has clients that others wrote talk to a gateway, and to another one that is stopped, killed and
// started as they say: see web/foreign.
func TestForeignClients(t *testing.T) {
	t.Parallel()
	scripts := filepath.Join("..", "..", "web", "foreign")
	needForeignClients(t, scripts)
	partner, friend, stranger := freeAddress(t), freeAddress(t), freeAddress(t)
	launch(t, "third party ready", "thirdparty", "--address", partner, "--ban-after", "-1")
	gate := &sluice{to: httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: partner}), held: map[string]chan struct{}{}}
	orders := make(chan foreignOrder)
	control := httptest.NewServer(foreignControl(gate, orders))
	t.Cleanup(control.Close)
	config := filepath.Join(t.TempDir(), "verdict.yaml")
	if err := os.WriteFile(config, []byte(`
language: en
schedule: {mode: backoff, checks: [10m, 10m, 10m, 10m, 10m]}
origins: ["http://`+friend+`", "https://`+friend+`"]
push: {per_user: 2}
auth: {leeway: 0s, issuers: {shop: {issuer: "https://id.shop.example", audiences: [verdict], secrets: ["`+foreignSecret+`"]}}}
providers: {djamo: {url: "`+control.URL+`"}}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	gateway := func() (address string, start func() *process) {
		address, dir := freeAddress(t), t.TempDir()
		return address, func() *process {
			return launch(t, "msg=ready", "serve", "--config", config, "--address", address,
				"--database", "sqlite:"+filepath.Join(dir, "verdict.db"), "--stream-dir", filepath.Join(dir, "jetstream"))
		}
	}
	steady, start := gateway()
	start()
	mortal, start := gateway()
	instance := start()

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "--test", "--test-reporter=spec", "--test-concurrency=4")
	node.Dir, node.WaitDelay = scripts, time.Second
	node.Env = append(os.Environ(), "FOREIGN_GATEWAY=http://"+steady, "FOREIGN_MORTAL=http://"+mortal,
		"FOREIGN_CONTROL="+control.URL, "FOREIGN_FRIEND="+friend, "FOREIGN_STRANGER="+stranger,
		"FOREIGN_SECRET="+foreignSecret, "FOREIGN_CERTIFICATE="+ownCertificate(t))
	var out bytes.Buffer
	node.Stdout, node.Stderr = &out, &out
	ended := make(chan error, 1)
	go func() { ended <- node.Run() }()
	for {
		select {
		case o := <-orders:
			switch o.what {
			case "terminate":
				if code := instance.terminate(t); code != 0 {
					t.Errorf("exit code %d after SIGTERM:\n%s", code, instance.log)
				}
			case "kill":
				instance.kill()
			case "start":
				instance = start()
			}
			close(o.done)
		case err := <-ended:
			t.Logf("%s", &out)
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

func needForeignClients(t *testing.T, scripts string) {
	t.Helper()
	need(t, "node", "apt-get install nodejs npm")
	need(t, "chromium", "apt-get install chromium")
	need(t, "curl", "apt-get install curl")
	if err := exec.Command("/usr/bin/python3", "-c", "import websockets").Run(); err != nil {
		lacking(t, "python3-websockets is missing: apt-get install python3-websockets")
	}
	if _, err := os.Stat(filepath.Join(scripts, "node_modules")); err != nil {
		lacking(t, "web/foreign/node_modules is missing: run npm ci in web/foreign")
	}
}

// A foreignOrder is what a script wants done to the mortal gateway: terminate, kill or start. The test's own goroutine does
// it, which alone may end the test.
type foreignOrder struct {
	what string
	done chan struct{}
}

// foreignControl is what the scripts and the gateways reach: the partner, and who takes orders.
func foreignControl(partner *sluice, orders chan<- foreignOrder) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", partner)
	mux.HandleFunc("POST /release/{name}", func(_ http.ResponseWriter, r *http.Request) { partner.release(r.PathValue("name")) })
	mux.HandleFunc("POST /gateway/{order}", func(_ http.ResponseWriter, r *http.Request) {
		o := foreignOrder{r.PathValue("order"), make(chan struct{})}
		select {
		case orders <- o:
			<-o.done
		case <-r.Context().Done():
		}
	})
	return mux
}

// A sluice is before the partner. It holds a post that has a member "hold" until that name is released, so that a
// transaction is pending for just as long as a test wants.
type sluice struct {
	to   http.Handler
	mu   sync.Mutex // guards held
	held map[string]chan struct{}
}

func (s *sluice) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var post struct{ Hold string }
	if json.Unmarshal(body, &post) == nil && post.Hold != "" {
		select {
		case <-s.gate(post.Hold):
		case <-r.Context().Done():
			return
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.to.ServeHTTP(w, r)
}

func (s *sluice) release(name string) { close(s.gate(name)) }

func (s *sluice) gate(name string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[name] == nil {
		s.held[name] = make(chan struct{})
	}
	return s.held[name]
}

// ownCertificate returns one for this host with its key, as PEM.
func ownCertificate(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}))
}
