package submit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/valyala/fasthttp"

	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/peer"
)

func buildRiver(ctx context.Context, e *env) (program, error) {
	version, err := cluster.PostgresVersion(ctx)
	if err != nil {
		return program{}, err
	}
	work := "no worker runs"
	if e.partner == Quick {
		work = "100 workers at most"
	}
	return goPeer(ctx, e, "river", "github.com/riverqueue/river",
		"a job and a row in one commit for each request, unique by key, 32 connections, "+work+"; "+version+", as initdb leaves it")
}

func startRiver(ctx context.Context, e *env, p program) (*server, error) {
	s := &server{}
	url, err := s.postgres(ctx, e)
	if err != nil {
		return nil, err
	}
	return s, s.serve(ctx, e, p, "--database", url, "--work="+fmt.Sprint(e.partner == Quick))
}

func buildPocketBase(ctx context.Context, e *env) (program, error) {
	return goPeer(ctx, e, "pocketbase", "github.com/pocketbase/pocketbase",
		"a collection with a unique key that anybody may add to, its defaults but for synchronous=FULL, which survives power cuts")
}

func startPocketBase(ctx context.Context, e *env, p program) (*server, error) {
	s := &server{}
	if err := s.serve(ctx, e, p); err != nil {
		return nil, err
	}
	s.fill = func(r *fasthttp.Request, number int64) {
		r.SetRequestURI("/api/collections/transactions/records")
		r.SetBodyRaw(fmt.Appendf(nil, `{"key":"bench-%d","payload":%s}`, number, body(number)))
	}
	return s, nil
}

func buildTemporal(ctx context.Context, e *env) (program, error) {
	work := "no worker runs"
	if e.partner == Quick {
		work = "a worker runs, with the SDK's defaults"
	}
	return goPeer(ctx, e, "temporal", "go.temporal.io/server",
		"all four services in one process, SQLite with one connection, WAL and synchronous=FULL, one history shard, as in its "+
			"development-sqlite-file.yaml; net/http and its SDK start a workflow by id over gRPC for each request, "+work)
}

func startTemporal(ctx context.Context, e *env, p program) (*server, error) {
	s := &server{}
	return s, s.serve(ctx, e, p, "--work="+fmt.Sprint(e.partner == Quick))
}

// installRestate installs the packages of peers/restate.
func installRestate(settings string) func(context.Context, *env) (program, error) {
	return func(ctx context.Context, e *env) (program, error) {
		dir := peer.Folder(e.root, "restate")
		install := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			return program{}, fmt.Errorf("install Restate (npm ci in bench/peers/restate; it needs Node 20): %w\n%s", err, out)
		}
		text, err := os.ReadFile(filepath.Join(dir, "package.json"))
		var told struct{ Dependencies map[string]string }
		if err == nil {
			err = json.Unmarshal(text, &told)
		}
		version := fmt.Sprintf("@restatedev/restate-server %s, %s, idempotent send to a service on @restatedev/restate-sdk %s",
			told.Dependencies["@restatedev/restate-server"], settings, told.Dependencies["@restatedev/restate-sdk"])
		return program{dir, version}, err
	}
}

// restateServer is where npm puts the program itself; the one in .bin is a script that starts it.
const restateServer = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"

func startRestate(settings ...string) func(context.Context, *env, program) (*server, error) {
	return func(ctx context.Context, e *env, p program) (*server, error) {
		s := &server{}
		if err := s.restate(ctx, e, p, settings); err != nil {
			s.end()
			return nil, err
		}
		return s, nil
	}
}

func (s *server) restate(ctx context.Context, e *env, p program, settings []string) error {
	addresses := make([]string, 4) // ingress, admin, nodes, service
	for i := range addresses {
		var err error
		if addresses[i], err = daemon.FreeAddress("127.0.0.1"); err != nil {
			return err
		}
	}
	s.address = addresses[0]
	admin, service := "http://"+addresses[1], "http://"+addresses[3]
	err := s.run(ctx, daemon.Command{
		Program: filepath.Join(p.path, restateServer), Args: []string{"--no-logo"}, Dir: e.dir,
		Env: append(append([]string{
			"RESTATE_INGRESS__BIND_ADDRESS=" + addresses[0], "RESTATE_ADMIN__BIND_ADDRESS=" + addresses[1], "RESTATE_BIND_ADDRESS=" + addresses[2],
			"RESTATE_ADVERTISED_ADDRESS=http://" + addresses[2], "RESTATE_BASE_DIR=data", "RESTATE_DISABLE_TELEMETRY=true", "RESTATE_LISTEN_MODE=tcp",
			"DO_NOT_TRACK=1",
		}, settings...), e.slow...),
		Ready: daemon.Answers(admin + "/health"),
	})
	if err != nil {
		return err
	}
	err = s.run(ctx, daemon.Command{
		Program: "node", Args: []string{filepath.Join(p.path, "service.mjs"), addresses[3], e.partner}, Dir: e.dir,
		Ready: func(ctx context.Context) bool { return register(ctx, admin, service) == nil },
	})
	if err != nil {
		return err
	}
	s.fill = func(r *fasthttp.Request, number int64) {
		r.SetRequestURI("/transactions/submit/send")
		r.Header.Set("Idempotency-Key", fmt.Sprint("bench-", number))
		r.SetBodyRaw(body(number))
	}
	return nil
}

// register tells Restate where the service is, which asks it what it offers.
func register(ctx context.Context, admin, service string) error {
	text := fmt.Appendf(nil, `{"uri":%q}`, service)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, admin+"/deployments", bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("register the service: %s", answer.Status)
	}
	return nil
}
