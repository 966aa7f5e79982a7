package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// toxiproxyVersion is the release of https://github.com/Shopify/toxiproxy that breaks the network here.
const toxiproxyVersion = "v2.12.0"

// A toxiproxy is a process whose proxies break connections as they are told.
type toxiproxy struct {
	t   *testing.T
	api string
}

// toxiproxyServer builds it, once, beside the binary under test.
var toxiproxyServer = sync.OnceValues(func() (path string, err error) {
	dir := filepath.Dir(binary)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	const server = "github.com/Shopify/toxiproxy/v2/cmd/server@" + toxiproxyVersion
	install := exec.CommandContext(ctx, "go", "install", server)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("toxiproxy is missing: go install %s: %s", server, out)
	}
	return filepath.Join(dir, "server"), nil
})

// newToxiproxy starts one. Without a network to download it from the test is skipped.
func newToxiproxy(t *testing.T) *toxiproxy {
	t.Helper()
	server, err := toxiproxyServer()
	if err != nil {
		lacking(t, err.Error())
	}
	p := &toxiproxy{t: t, api: freeAddress(t)}
	_, port, _ := strings.Cut(p.api, ":")
	spawn(t, exec.Command(server, "-host", "127.0.0.1", "-port", port), "HTTP server").await(t)
	return p
}

// between returns the address of a new proxy to a target.
func (p *toxiproxy) between(name, target string) (address string) {
	var made struct{ Listen string }
	p.tell("/proxies", map[string]any{"name": name, "listen": "127.0.0.1:0", "upstream": target, "enabled": true}, &made)
	return made.Listen
}

// A toxin is one way to break connections, in toxiproxy's words.
type toxin struct {
	name       string // in ours
	kind       string
	stream     string // downstream: what the caller is sent
	attributes map[string]any
}

func toxins() []toxin {
	return []toxin{
		{"the answer is lost", "timeout", "downstream", map[string]any{"timeout": 400}},
		{"the answer is cut short", "limit_data", "downstream", map[string]any{"bytes": 90}},
		{"the connection is reset", "reset_peer", "downstream", map[string]any{"timeout": 150}},
		{"the request is lost", "timeout", "upstream", map[string]any{"timeout": 400}},
		{"it is slow", "latency", "downstream", map[string]any{"latency": 700, "jitter": 600}},
		{"it comes in crumbs", "slicer", "downstream", map[string]any{"average_size": 8, "size_variation": 4, "delay": 2000}},
	}
}

// poison breaks half of the connections of a proxy from now on.
func (p *toxiproxy) poison(proxy string, x toxin) {
	p.tell("/proxies/"+proxy+"/toxics", map[string]any{
		"name": "poison", "type": x.kind, "stream": x.stream, "toxicity": 0.5, "attributes": x.attributes,
	}, nil)
}

// unplug cuts a proxy off: connections end, and new ones are refused.
func (p *toxiproxy) unplug(proxy string) {
	p.tell("/proxies/"+proxy, map[string]any{"enabled": false}, nil)
}

// heal takes all toxins away and plugs all in.
func (p *toxiproxy) heal() { p.tell("/reset", nil, nil) }

func (p *toxiproxy) tell(path string, what, into any) {
	p.t.Helper()
	body, err := json.Marshal(what)
	if err != nil {
		p.t.Fatal(err)
	}
	answer, err := http.Post("http://"+p.api+path, "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode > 299 {
		p.t.Fatalf("toxiproxy %s: %s %s %v", path, answer.Status, text, err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			p.t.Fatal(err)
		}
	}
}

// testABadNetwork breaks the connections between app and gateway and between gateway and partners in all ways, one after
// the other, and between them the connections to the partners altogether.
func testABadNetwork(t *testing.T, tally *tally) {
	p := newToxiproxy(t)
	s := newScene(t)
	for _, partner := range s.partners {
		partner.at = p.between(partner.name, partner.calls.address)
	}
	g := s.newInstance("a")
	g.public = p.between("app", g.address)
	g.start()
	stop := s.load(50*time.Millisecond, g)
	for _, x := range toxins() {
		p.poison("app", x)
		for _, partner := range s.partners {
			p.poison(partner.name, x)
		}
		s.sleep(1500 * time.Millisecond)
		p.heal()
		for _, partner := range s.partners {
			p.unplug(partner.name)
		}
		s.sleep(200 * time.Millisecond)
		p.heal()
		tally.add("a network where "+x.name, 1)
	}
	stop()
	h := s.mustBeRight()
	tally.count(h)
	if !slices.ContainsFunc(h.posts, func(p posting) bool { return p.status == 0 }) {
		t.Error("no app has lost an answer")
	}
}
