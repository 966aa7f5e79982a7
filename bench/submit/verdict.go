package submit

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/valyala/fasthttp"

	"verdict/bench/daemon"
)

// apiKey is a service's, which acts for each of the users. Verdict's keys are 256 bits behind a prefix; this one guards
// nothing.
const apiKey = "vsk1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// users is how many users the transactions are spread over.
const users = 1000

// verdictConfig leaves all else at its default.
const verdictConfig = `address: %s
admin: {address: "%s"}
database: sqlite:verdict.db
stream: {dir: jetstream}
providers: {djamo: {url: "%s"}}
auth: {keys: {bench: {hash: "sha256:%x", role: service, tenant: bench}}}
`

func buildVerdict(ctx context.Context, e *env) (program, error) {
	return buildVerdictWith(ctx, e, verdictName)
}

func buildVerdictWith(ctx context.Context, e *env, name string, flags ...string) (program, error) {
	p := program{path: filepath.Join(e.bin, name), version: "SQLite, embedded stream, its defaults, an API key"}
	build := exec.CommandContext(ctx, "go", append(append([]string{"build"}, flags...), "-o", p.path, "./cmd/verdict")...)
	build.Dir = e.root
	if out, err := build.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build Verdict: %w\n%s", err, out)
	}
	return p, nil
}

// buildVerdictEach builds a Verdict whose commits are of one operation each. It has no such setting, so the constant is
// another in this build.
func buildVerdictEach(ctx context.Context, e *env) (program, error) {
	overlay, err := oneEach(e.root, e.bin)
	if err != nil {
		return program{}, err
	}
	p, err := buildVerdictWith(ctx, e, "verdict-each", "-overlay", overlay)
	p.version += ", built to commit each operation by itself"
	return p, err
}

var batchSize = regexp.MustCompile(`(?m)^(\s*batchSize\s*=\s*)\d+`)

// oneEach writes what `go build -overlay` reads: the file of persistence/sqlite that says how many operations share a commit,
// saying one.
func oneEach(root, dir string) (overlay string, err error) {
	files, err := filepath.Glob(filepath.Join(root, "persistence", "sqlite", "*.go"))
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		if !batchSize.Match(text) {
			continue
		}
		replace[file] = filepath.Join(dir, "each-"+filepath.Base(file))
		if err := os.WriteFile(replace[file], batchSize.ReplaceAll(text, []byte("${1}1")), 0o600); err != nil {
			return "", err
		}
	}
	if len(replace) != 1 {
		return "", fmt.Errorf("%d files of persistence/sqlite set batchSize; this expects one", len(replace))
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "each.json")
	return overlay, os.WriteFile(overlay, text, 0o600)
}

func startVerdict(ctx context.Context, e *env, p program) (*server, error) {
	address, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, err
	}
	admin, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, err
	}
	partner, err := openPartner(e.partner)
	if err != nil {
		return nil, err
	}
	s := &server{address: address, close: partner.close, fill: func(r *fasthttp.Request, number int64) {
		usual(r, number)
		r.Header.Set("Authorization", "Bearer "+apiKey)
		r.Header.Set("Verdict-Subject", fmt.Sprint("user-", number%users))
	}}
	config := filepath.Join(e.dir, "verdict.yaml")
	text := fmt.Appendf(nil, verdictConfig, address, admin, partner.url(), sha256.Sum256([]byte(apiKey)))
	if err = os.WriteFile(config, text, 0o600); err == nil {
		err = s.run(ctx, daemon.Command{
			Program: p.path, Args: []string{"serve", "--config", config}, Env: e.slow, Dir: e.dir,
			Ready: daemon.Answers("http://" + admin + "/readyz"),
		})
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// partner is the third party. It answers at once with the verdict, or not before it is closed.
type partner struct {
	server   *http.Server
	listener net.Listener
	ended    chan struct{}
}

func openPartner(how string) (*partner, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &partner{listener: l, ended: make(chan struct{})}
	p.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var told struct{ ID string }
		if how == Held {
			select {
			case <-p.ended:
			case <-r.Context().Done():
			}
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":%q,"status":"completed"}`, told.ID)
	})}
	go p.server.Serve(l) // until close
	return p, nil
}

func (p *partner) url() string { return "http://" + p.listener.Addr().String() }

func (p *partner) close() {
	close(p.ended)
	p.server.Close()
}

// firstLine returns the first line that a program prints, which tells its version.
func firstLine(ctx context.Context, program string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, program, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Base(program), err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line, nil
}
