package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	if alter := alteration(); alter != nil {
		os.Exit(runAltered(alter)) // this is an instance that a test has started
	}
	dir, err := os.MkdirTemp("", "verdict")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "verdict")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		os.Exit(1)
	}
	_ = flag.Set("test.parallel", "4")     // tests here wait more than they work, or wait for their campaign; -parallel still chooses
	os.Setenv("VERDICT_ADMIN_ADDRESS", "") // many gateways run at once; those that need operators are told an address
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// underWay is held by the campaign that runs: each has dozens of processes under load.
var underWay sync.Mutex

// campaign waits until no other campaign runs.
func campaign(t *testing.T) {
	underWay.Lock()
	t.Cleanup(underWay.Unlock)
}

// A process is a running instance of the binary.
type process struct {
	cmd  *exec.Cmd
	log  *bytes.Buffer // read only after done
	up   chan struct{} // closed when it logs that it is ready
	done chan struct{}
}

// launch starts the binary and waits until it logs that it is ready.
func launch(t *testing.T, ready string, args ...string) *process {
	t.Helper()
	p := spawn(t, exec.Command(binary, args...), ready)
	p.await(t)
	return p
}

// spawn starts a command, which ends with the test at the latest.
func spawn(t *testing.T, cmd *exec.Cmd, ready string) *process {
	t.Helper()
	p := &process{cmd: cmd, log: &bytes.Buffer{}, up: make(chan struct{}), done: make(chan struct{})}
	output, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.read(output, ready, p.up)
	t.Cleanup(p.kill)
	return p
}

// patience bounds the wait for what must come. On a busy machine that comes late, and on another the bound costs nothing.
const patience = time.Minute

// await waits until the process is ready.
func (p *process) await(t *testing.T) {
	t.Helper()
	select {
	case <-p.up:
	case <-p.done:
		t.Fatalf("%v ended before it was ready:\n%s", p.cmd.Args, p.log)
	case <-time.After(patience):
		p.kill() // its log is whole then
		t.Fatalf("%v is not ready after %s:\n%s", p.cmd.Args, patience, p.log)
	}
}

func (p *process) read(output io.Reader, ready string, up chan struct{}) {
	defer close(p.done)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		fmt.Fprintln(p.log, lines.Text())
		if up != nil && strings.Contains(lines.Text(), ready) {
			close(up)
			up = nil
		}
	}
	_ = p.cmd.Wait()
}

// kill ends the process as a crash would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// terminate ends the process as an operator would, and returns its exit code.
func (p *process) terminate(t *testing.T) int {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(60 * time.Second):
		t.Fatal("still running a minute after SIGTERM")
	}
	return p.cmd.ProcessState.ExitCode()
}

// A world is a gateway and a third party, each a process of its own, that may die and be started again.
type world struct {
	t       *testing.T
	dir     string
	address string
	partner string
	mu      sync.Mutex // guards gateway
	gateway *process
}

// worldSpeed is how much faster than in real life the third party of these tests is.
const worldSpeed = "50"

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t), partner: freeAddress(t)}
	launch(t, "third party ready", "thirdparty", "--address", w.partner, "--speed", worldSpeed,
		"--ban-after", "-1", "--seed", "42")
	w.start()
	return w
}

// start starts the gateway. Its schedule is as much faster as the partner, with a wider margin for a busy machine.
func (w *world) start() {
	w.t.Helper()
	g := launch(w.t, "msg=ready", "serve", "--address", w.address,
		"--database", "sqlite:"+filepath.Join(w.dir, "verdict.db"), "--stream-dir", w.streamDir(),
		"--config", w.config())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gateway = g
}

func (w *world) streamDir() string { return filepath.Join(w.dir, "jetstream") }

func (w *world) config() string {
	w.t.Helper()
	path := filepath.Join(w.dir, "verdict.yaml")
	text := `
schedule: {checks: [1s, 2s, 3s, 4s, 30s], send_for: 20s}
sweep: 100ms
language: en
providers:
  djamo: {url: "http://` + w.partner + `", submit_timeout: 2s, not_found_final: 8s, check_budget: 50/1s}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// ports is how many addresses were given away.
var ports atomic.Int64

// freeAddress returns an address that stays free while nobody listens there, as between a crash and the next start: it
// is below the ports that systems give to outgoing connections, and no test is given it again.
func freeAddress(t *testing.T) string {
	t.Helper()
	const lowest, count = 10_000, 20_000
	for range 100 {
		port := lowest + (int64(os.Getpid())*101+ports.Add(1))%count // other runs begin elsewhere
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free address")
	return ""
}

// An effect is a line of the third party's ledger.
type effect struct {
	ID      string    `json:"id"`
	Status  string    `json:"status"`
	Post    int       `json:"post"`
	At      time.Time `json:"at"`
	partner string    // that it is of, where there are several
}

func (w *world) ledger() map[string][]effect {
	w.t.Helper()
	var all []effect
	readPage(w.t, "http://"+w.partner+"/ledger", &all)
	byID := map[string][]effect{}
	for _, e := range all {
		byID[e.ID] = append(byID[e.ID], e)
	}
	return byID
}

// readPage reads one of a partner's pages.
func readPage(t *testing.T, url string, into any) {
	t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// A view is what the gateway tells an app.
type view struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// An app is a client that insists: it repeats what the network or a crash swallowed, with the same key.
type app struct {
	server  string
	key     string
	partner string // that its requests name, if any
	http    *http.Client
}

func (w *world) app(key string) *app {
	return &app{server: "http://" + w.address, key: key, http: &http.Client{Timeout: 5 * time.Second}}
}

// submit posts until the gateway acknowledges.
func (a *app) submit(ctx context.Context, payload string) (view, error) {
	for {
		v, err := a.post(payload)
		var refused *problemError
		if err == nil || errors.As(err, &refused) && refused.Status < 500 {
			return v, err
		}
		if ctx.Err() != nil {
			return v, fmt.Errorf("%w; last: %w", ctx.Err(), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (a *app) post(payload string) (view, error) {
	body := `{"payload":` + payload + `}`
	if a.partner != "" {
		body = `{"provider":"` + a.partner + `","payload":` + payload + `}`
	}
	r, err := http.NewRequest(http.MethodPost, a.server+"/v1/transactions", strings.NewReader(body))
	if err != nil {
		return view{}, err
	}
	r.Header.Set("Idempotency-Key", strconv.Quote(a.key))
	r.GetBody = nil // so that net/http doesn't repeat it behind our back
	answer, err := a.http.Do(r)
	if err != nil {
		return view{}, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return view{}, readProblem(answer)
	}
	var v view
	return v, json.NewDecoder(answer.Body).Decode(&v)
}

// told is one event as a subscriber received it.
type told struct {
	at   time.Time
	id   string
	data string
	view view
}

// A transport subscribes once and returns what it was told until the connection ended, or the verdict.
type transport func(a *app, ctx context.Context, id string) ([]told, error)

// follow subscribes, and again whenever the connection breaks, until it is told a verdict. It returns all it was told.
func (a *app) follow(ctx context.Context, id string, listen transport) ([]told, error) {
	var all []told
	for {
		events, err := listen(a, ctx, id)
		all = append(all, events...)
		if n := len(all); n > 0 && all[n-1].view.Status != "pending" {
			return all, nil
		}
		if ctx.Err() != nil {
			return all, fmt.Errorf("%w; last: %w", ctx.Err(), err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// sse is the transport of a browser.
func (a *app) sse(ctx context.Context, id string) (events []told, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+"/v1/transactions/"+id+"/events", nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, readProblem(answer)
	}
	var event told
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "id":
			event.id = value
		case "data":
			event.at, event.data = time.Now(), value
			if err := json.Unmarshal([]byte(value), &event.view); err != nil {
				return events, err
			}
			events = append(events, event)
		}
	}
	return events, lines.Err()
}

// socket is the transport of a mobile app.
func (a *app) socket(ctx context.Context, id string) (events []told, err error) {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(a.server, "http")+"/v1/ws", nil)
	if err != nil {
		return nil, err
	}
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	if err := ws.WriteJSON(map[string]string{"type": "subscribe", "transaction": id}); err != nil {
		return nil, err
	}
	for {
		var message struct {
			Type        string          `json:"type"`
			ID          json.Number     `json:"id"`
			Transaction json.RawMessage `json:"transaction"`
			Message     string          `json:"message"`
		}
		if err := ws.ReadJSON(&message); err != nil {
			return events, err
		}
		if message.Type == "error" {
			return events, errors.New(message.Message)
		}
		if message.Type != "event" {
			continue
		}
		event := told{at: time.Now(), id: message.ID.String(), data: string(message.Transaction)}
		if err := json.Unmarshal(message.Transaction, &event.view); err != nil {
			return events, err
		}
		events = append(events, event)
		if event.view.Status != "pending" {
			return events, nil
		}
	}
}

// problemError is a problem document, RFC 9457.
type problemError struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Status int    `json:"status"`
}

func (p *problemError) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

func readProblem(answer *http.Response) error {
	p := &problemError{}
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		return fmt.Errorf("%s with content type %q, want a problem document", answer.Status, got)
	}
	if err := json.NewDecoder(answer.Body).Decode(p); err != nil {
		return fmt.Errorf("problem document: %w", err)
	}
	if p.Status != answer.StatusCode {
		return fmt.Errorf("status %d in a problem sent with %s", p.Status, answer.Status)
	}
	return p
}
