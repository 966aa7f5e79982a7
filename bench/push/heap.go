package push

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"

	"verdict/bench/target"
)

// profiled is a file that is added to Verdict's command in a build for profiling, and there only.
//
//go:embed profiled.go.txt
var profiled []byte

// Heap writes heap profiles of Verdict to a folder, for each kind: before the clients connect, with them idle, and after
// traffic. Verdict itself serves no profiles, so it is built with a file that does; its sampling makes this build's
// memory no measure.
func Heap(ctx context.Context, o Options, root, to string) error {
	dir, err := os.MkdirTemp(o.Dir, "verdict-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	overlay, err := writeOverlay(root, dir)
	if err != nil {
		return err
	}
	env, err := prepare(ctx, root, dir, "-overlay", overlay)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, kind := range o.Kinds {
		if err := heapOf(ctx, o, kind, env, to); err != nil {
			return err
		}
	}
	return nil
}

// writeOverlay writes what `go build -overlay` reads.
func writeOverlay(root, dir string) (path string, err error) {
	added := filepath.Join(dir, "profiled.go")
	if err := os.WriteFile(added, profiled, 0o600); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{
		"Replace": map[string]string{filepath.Join(root, "cmd", "verdict", "bench_profiled.go"): added},
	})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, text, 0o600)
}

func heapOf(ctx context.Context, o Options, kind target.Kind, env target.Env, to string) error {
	env.Dir = filepath.Join(env.Dir, string(kind))
	if err := os.Mkdir(env.Dir, 0o700); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	l.Close()
	env.VerdictEnv = []string{"BENCH_PROFILES=" + address}
	a := newArrivals(o.Connections)
	env.Clients, env.Arrived, env.Broken = o.Connections, a.arrived, a.brokenOff
	t, err := target.Specs(kind)[0].Start(ctx, env)
	if err != nil {
		return err
	}
	defer t.Close()
	r := &round{options: o, target: t, arrived: a, result: &Round{}}
	save := func(name string) error {
		target.CloseIdle()
		if err := r.rest(ctx); err != nil {
			return err
		}
		path := filepath.Join(to, fmt.Sprintf("%s-%s.pb.gz", kind, name))
		return download(ctx, "http://"+address+"/debug/pprof/heap?gc=1", path)
	}
	return r.stages(ctx, save)
}

// stages goes through what a round does, without measuring, and calls save at each stop.
func (r *round) stages(ctx context.Context, save func(name string) error) error {
	if err := r.target.Prepare(ctx, everyone(r.options.Connections)); err != nil {
		return err
	}
	if err := save("before"); err != nil {
		return err
	}
	if err := r.target.Watch(ctx, everyone(r.options.Connections)); err != nil {
		return err
	}
	r.armed = everyone(r.options.Connections)
	if err := save("idle"); err != nil {
		return err
	}
	if err := r.traffic(ctx, eventsEach*r.options.Connections); err != nil {
		return err
	}
	return save("after")
}

func download(ctx context.Context, url, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, answer.Status)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(f, answer.Body)
	return err
}
