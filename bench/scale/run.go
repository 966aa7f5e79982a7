package scale

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"verdict/bench/cluster"
	"verdict/bench/measure"
	"verdict/bench/stats"
)

// Report is all that was measured.
type Report struct {
	Options    Options       `json:"options"`
	Machine    string        `json:"machine"`
	Processors int           `json:"processors"`
	Fsync      stats.Summary `json:"fsync_ns"` // of the medians before each round
	InMemory   bool          `json:"in_memory"`
	Rows       []*Row        `json:"rows"`
}

// Row is a setup's rounds.
type Row struct {
	Name      string   `json:"name"`
	Instances int      `json:"instances"`
	Shared    bool     `json:"shared"` // PostgreSQL and NATS
	Rounds    []*Round `json:"rounds"`
}

// Run measures all setups in turn, each round in the opposite order of the one before, so that whatever the machine does
// besides meets them all. progress is told what is being done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	dir, p, err := prepare(ctx, o, root)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	report := &Report{Options: o, Processors: runtime.NumCPU(), Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version())}
	if report.InMemory, err = measure.InMemory(dir); err != nil {
		return nil, err
	}
	order := o.setups()
	for _, s := range order {
		report.Rows = append(report.Rows, &Row{Name: s.Name, Instances: s.Instances, Shared: s.Shared})
	}
	var fsyncs []float64
	for n := range o.Rounds {
		f, err := measure.Fsync(dir)
		if err != nil {
			return nil, err
		}
		fsyncs = append(fsyncs, float64(f))
		for _, s := range order {
			row := report.Rows[slices.Index(o.setups(), s)]
			if err := runNext(ctx, o, s, p, row, dir); err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			last := row.Rounds[n]
			fmt.Fprintf(progress, "round %d of %d: %s: %.0f submits/s, %.0f transactions/s, after %s\n",
				n+1, o.Rounds, s.Name, last.Submits, last.Whole, last.took.Round(time.Second))
		}
		slices.Reverse(order)
	}
	report.Fsync = stats.Summarize(fsyncs)
	return report, nil
}

// runNext runs one round of a setup, in a folder of its own.
func runNext(ctx context.Context, o Options, s setup, p programs, row *Row, dir string) error {
	began := time.Now()
	round, err := runRound(ctx, o, s, p, filepath.Join(dir, "round"))
	if err != nil {
		return err
	}
	round.took = time.Since(began)
	row.Rounds = append(row.Rounds, round)
	return nil
}

// prepare makes a folder on the disk that is measured, and builds into it what is started.
func prepare(ctx context.Context, o Options, root string) (dir string, p programs, err error) {
	if dir, err = os.MkdirTemp(o.Dir, "verdict-bench-"); err != nil {
		return "", p, err
	}
	if err = os.Chmod(dir, 0o711); err == nil { // PostgreSQL's user has a folder in it
		p, err = build(ctx, o, root, dir)
	}
	if err != nil {
		_ = os.RemoveAll(dir) // the error stands
	}
	return dir, p, err
}

// build builds Verdict and, unless it is given, the NATS server, and finds ourselves.
func build(ctx context.Context, o Options, root, dir string) (p programs, err error) {
	if p.self, err = os.Executable(); err != nil {
		return p, err
	}
	p.verdict = filepath.Join(dir, "verdict")
	if err := cluster.Build(ctx, root, p.verdict); err != nil {
		return p, err
	}
	if p.nats = o.NATS; p.nats == "" && len(o.Instances) > 0 {
		p.nats, err = cluster.InstallNATS(ctx, root, dir)
	}
	return p, err
}
