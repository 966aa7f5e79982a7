package submit

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"verdict/bench/fsync"
	"verdict/bench/measure"
	"verdict/bench/stats"
)

// Report is all that was measured.
type Report struct {
	Options  Options       `json:"options"`
	Machine  string        `json:"machine"`
	Fsync    stats.Summary `json:"fsync_ns"` // of the medians before each round, without delay
	InMemory bool          `json:"in_memory"`
	Rows     []*Row        `json:"rows"`
}

// Row is a contender's rounds.
type Row struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	Absent  string   `json:"absent,omitempty"` // why it wasn't measured
	Rounds  []*Round `json:"rounds"`

	contender contender
	program   program
}

// Run measures all that are chosen in turn, each round in the opposite order of the one before, so that whatever the machine
// does besides meets them all. progress is told what is being done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	dir, err := os.MkdirTemp(o.Dir, "verdict-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's user has a folder in it
		return nil, err
	}
	e := &env{bin: dir, root: root, partner: o.Partner}
	if e.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if o.Fsync > 0 {
		if e.slow, err = fsync.Slow(ctx, dir, o.Fsync); err != nil {
			return nil, err
		}
		if err := os.Chmod(filepath.Join(dir, "slow-fsync.so"), 0o755); err != nil {
			return nil, err
		}
	}
	report := &Report{Options: o, Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version())}
	if report.InMemory, err = measure.InMemory(dir); err != nil {
		return nil, err
	}
	if report.Rows, err = prepare(ctx, o, e, progress); err != nil {
		return nil, err
	}
	return report, report.measure(ctx, e, progress)
}

// prepare builds or finds all that are chosen. Only Verdict must be there.
func prepare(ctx context.Context, o Options, e *env, progress io.Writer) (rows []*Row, err error) {
	for _, c := range o.chosen() {
		fmt.Fprintf(progress, "preparing %s\n", c.name)
		row := &Row{Name: c.name, contender: c}
		row.program, err = c.prepare(ctx, e)
		row.Version = row.program.version
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && c.name == verdictName:
			return nil, err
		case err != nil:
			row.Absent = err.Error()
		case o.Fsync > 0 && !c.slowed:
			row.Absent = "its fsyncs can't be delayed: it makes none through the C library"
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *Report) measure(ctx context.Context, e *env, progress io.Writer) error {
	order := slices.Clone(r.Rows)
	var fsyncs []float64
	for n := range r.Options.Rounds {
		f, err := measure.Fsync(e.bin)
		if err != nil {
			return err
		}
		fsyncs = append(fsyncs, float64(f))
		for _, row := range order {
			if row.Absent != "" {
				continue
			}
			began := time.Now()
			own := *e
			own.dir = filepath.Join(e.bin, "round")
			round, err := runRound(ctx, r.Options, row.contender, &own, row.program)
			switch {
			case err != nil && (ctx.Err() != nil || row.Name == verdictName):
				return fmt.Errorf("%s: %w", row.Name, err)
			case err != nil:
				row.Absent = err.Error()
				row.Rounds = nil // the ratios are of rounds that all were in
				fmt.Fprintf(progress, "round %d of %d: %s: %s\n", n+1, r.Options.Rounds, row.Name, err)
				continue
			}
			row.Rounds = append(row.Rounds, round)
			fmt.Fprintf(progress, "round %d of %d: %s: %.0f submits/s, p99 %s at %g/s, after %s\n", n+1, r.Options.Rounds, row.Name,
				slices.Max(round.Highest), round.Open.Q.P99, round.Open.Rate, time.Since(began).Round(time.Second))
		}
		slices.Reverse(order)
	}
	r.Fsync = stats.Summarize(fsyncs)
	return nil
}
