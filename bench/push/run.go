package push

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"verdict/bench/cluster"
	"verdict/bench/measure"
	"verdict/bench/peer"
	"verdict/bench/stats"
	"verdict/bench/target"
)

// Report is all that was measured.
type Report struct {
	Options  Options       `json:"options"`
	Machine  string        `json:"machine"`
	Fsync    stats.Summary `json:"fsync_ns"` // of the medians before each round
	InMemory bool          `json:"in_memory"`
	Rows     []*Row        `json:"rows"`
	Warnings []string      `json:"warnings"`
}

// Row is a target's rounds.
type Row struct {
	Name    string      `json:"name"`
	Kind    target.Kind `json:"kind"`
	Version string      `json:"version,omitempty"` // of what others wrote, and its settings
	Absent  string      `json:"absent,omitempty"`  // why it was not measured
	Rounds  []*Round    `json:"rounds"`
	Rates   []*Pushed   `json:"rates"` // of all rounds together

	spec target.Spec
	peer string // the built program; "" if we bring it
}

// Run measures all targets in turn, round by round, so that whatever the machine does besides meets them all. progress
// is told what is being done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	if err := enoughFiles(o.Connections); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(o.Dir, "verdict-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	env, err := prepare(ctx, root, dir)
	if err != nil {
		return nil, err
	}
	report := &Report{Options: o, Warnings: []string{}, Machine: fmt.Sprintf("%d processors, %s, %s", runtime.NumCPU(), runtime.Version(), kernel())}
	if report.InMemory, err = measure.InMemory(dir); err != nil {
		return nil, err
	}
	for _, kind := range o.Kinds {
		for _, s := range target.Specs(kind) {
			report.Rows = append(report.Rows, newRow(ctx, s, o, root, dir, progress))
		}
	}
	var fsyncs []float64
	for n := range o.Rounds {
		f, err := measure.Fsync(dir)
		if err != nil {
			return nil, err
		}
		fsyncs = append(fsyncs, float64(f))
		if err := runAll(ctx, o, n, env, report, progress); err != nil {
			return nil, err
		}
	}
	report.Fsync = stats.Summarize(fsyncs)
	report.merge()
	return report, nil
}

// newRow builds what others wrote. It may be absent, and then says why.
func newRow(ctx context.Context, s target.Spec, o Options, root, dir string, progress io.Writer) *Row {
	row := &Row{Name: s.Name, Kind: s.Kind, spec: s}
	if p := s.Peer; p != nil {
		fmt.Fprintf(progress, "building %s\n", s.Name)
		row.peer = filepath.Join(dir, p.Name)
		version, err := peer.Build(ctx, root, p.Name, p.Package, p.Module, row.peer)
		row.Version = fmt.Sprintf("%s %s: %s", p.Module, version, p.Settings)
		if err != nil {
			row.Absent = fmt.Sprintf("could not be built: %.200s", err)
		}
	}
	for range o.Rates {
		row.Rates = append(row.Rates, newPushed())
	}
	return row
}

// runAll runs one round of each target.
func runAll(ctx context.Context, o Options, n int, env target.Env, report *Report, progress io.Writer) error {
	for i, row := range report.Rows {
		if row.Absent != "" {
			continue
		}
		own := env
		own.Dir, own.Peer = filepath.Join(env.Dir, fmt.Sprint(n, "-", i)), row.peer
		if err := os.Mkdir(own.Dir, 0o700); err != nil {
			return err
		}
		began := time.Now()
		round, err := runRound(ctx, o, row.spec, own)
		if err != nil && row.peer != "" && ctx.Err() == nil {
			row.Absent, row.Rounds = fmt.Sprintf("could not be measured: %.200s", err), nil
			fmt.Fprintf(progress, "round %d of %d: %s, %s: %s\n", n+1, o.Rounds, row.Kind, row.Name, err)
			continue
		}
		if err != nil {
			return err
		}
		row.Rounds = append(row.Rounds, round)
		fmt.Fprintf(progress, "round %d of %d: %s, %s: %s\n", n+1, o.Rounds, row.Kind, row.Name, time.Since(began).Round(time.Second))
	}
	return nil
}

// spareFiles is how many files a process may need beside its connections.
const spareFiles = 1500

// enoughFiles says if a process may not open as many files as there are connections. Go's runtime has raised the limit
// as far as we may.
func enoughFiles(connections int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if need := uint64(connections + spareFiles); limit.Max < need {
		return fmt.Errorf("a process may open %d files; allow %d (ulimit -Hn), or give fewer --connections", limit.Max, need)
	}
	return nil
}

// prepare builds Verdict and finds ourselves.
func prepare(ctx context.Context, root, dir string, flags ...string) (target.Env, error) {
	self, err := os.Executable()
	if err != nil {
		return target.Env{}, err
	}
	binary := filepath.Join(dir, "verdict")
	if err := cluster.Build(ctx, root, binary, flags...); err != nil {
		return target.Env{}, err
	}
	return target.Env{Dir: dir, Verdict: binary, Self: self}, nil
}

// merge fills in what is of all rounds together.
func (r *Report) merge() {
	for _, row := range r.Rows {
		for _, round := range row.Rounds {
			for i, p := range round.Rates {
				row.Rates[i].add(p)
			}
			for _, broken := range round.Broken {
				r.Warnings = append(r.Warnings, fmt.Sprintf("%s, %s: %s", row.Kind, row.Name, broken))
			}
			if round.Stray > 0 {
				r.Warnings = append(r.Warnings, fmt.Sprintf("%s, %s: %d events came twice or unasked for", row.Kind, row.Name, round.Stray))
			}
			if !round.Quiet {
				r.Warnings = append(r.Warnings, fmt.Sprintf("%s, %s: the server never came to rest; its figures hold other work", row.Kind, row.Name))
			}
		}
		for _, p := range row.Rates {
			p.finish()
		}
	}
}

func (p *Pushed) add(q *Pushed) {
	p.Latency.Merge(q.Latency)
	p.Late.Merge(q.Late)
	p.Lost += q.Lost
	p.Refused += q.Refused
	p.Server += q.Server
	p.Client += q.Client
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown kernel"
	}
	return "Linux " + string(text[:max(0, len(text)-1)])
}
