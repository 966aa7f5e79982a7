package submit

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/valyala/fasthttp"

	"verdict/bench/app"
	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/partner"
)

// users is how many users the transactions are spread over.
const users = 1000

func buildVerdict(ctx context.Context, e *env) (program, error) {
	return buildVerdictWith(ctx, e, verdictName)
}

func buildVerdictWith(ctx context.Context, e *env, name string, flags ...string) (program, error) {
	p := program{path: filepath.Join(e.bin, name), version: "SQLite, embedded stream, its defaults, an API key"}
	return p, cluster.Build(ctx, e.root, p.path, flags...)
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
	partner, err := openPartner(e.partner)
	if err != nil {
		return nil, err
	}
	environ := slices.Clone(e.slow)
	if e.partner == Held {
		environ = append(environ, "VERDICT_SHED_AFTER=0s") // what waits for a partner that doesn't answer would be too much
	}
	g, err := cluster.StartGateway(ctx, filepath.Join(e.dir, "verdict"), cluster.GatewayConfig{
		Binary: p.path, Host: "127.0.0.1", Partner: partner.url(), Database: "sqlite:verdict.db", Stream: "{dir: jetstream}",
		KeyHash: app.APIKeyHash(), Env: environ,
	})
	if err != nil {
		partner.close()
		return nil, err
	}
	return &server{
		address: g.Address, processes: []*daemon.Daemon{g.Daemon}, close: partner.close,
		fill: func(r *fasthttp.Request, number int64) { app.Fill(r, int(number%users), number) },
	}, nil
}

// third is the partner. It answers at once with the verdict, or not before it is closed.
type third struct {
	server   *http.Server
	listener net.Listener
	ended    chan struct{}
}

func openPartner(how string) (*third, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &third{server: &http.Server{Handler: partner.AtOnce()}, listener: l, ended: make(chan struct{})}
	if how == Held {
		t.server.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-t.ended:
			case <-r.Context().Done():
			}
		})
	}
	go t.server.Serve(l) // until close
	return t, nil
}

func (t *third) url() string { return "http://" + t.listener.Addr().String() }

func (t *third) close() {
	close(t.ended)
	t.server.Close()
}
