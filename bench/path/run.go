package path

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"verdict/bench/app"
	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/measure"
	"verdict/bench/stats"
)

// Report is all that was measured.
type Report struct {
	Options  Options       `json:"options"`
	Machine  string        `json:"machine"`
	Fsync    stats.Summary `json:"fsync_ns"` // of the medians before each round
	InMemory bool          `json:"in_memory"`
	Rows     []*Row        `json:"rows"` // Verdict's, and the floor's
}

// Row is a contender's rounds.
type Row struct {
	Name   string   `json:"name"`
	Rounds []*Round `json:"rounds"`

	start func(ctx context.Context, w *world) (*daemon.Daemon, string, error)
}

// world is where contenders run.
type world struct {
	dir     string // of a round
	partner string // its URL
	verdict string // the built binary
	self    string // this program
}

func startVerdict(ctx context.Context, w *world) (*daemon.Daemon, string, error) {
	g, err := cluster.StartGateway(ctx, filepath.Join(w.dir, "server"), cluster.GatewayConfig{
		Binary: w.verdict, Host: "127.0.0.1", Partner: w.partner, Database: "sqlite:verdict.db", Stream: "{dir: jetstream}", KeyHash: app.APIKeyHash(),
	})
	if err != nil {
		return nil, "", err
	}
	return g.Daemon, g.Address, nil
}

func startStraight(ctx context.Context, w *world) (*daemon.Daemon, string, error) {
	address, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, "", err
	}
	dir := filepath.Join(w.dir, "server")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	d, err := daemon.Start(ctx, daemon.Command{
		Program: w.self, Args: []string{"accept", "straight", "--address", address, "--partner", w.partner}, Dir: dir,
		Ready: daemon.Answers("http://" + address + "/"),
	})
	return d, address, err
}

// Run measures Verdict and the floor in turn, each round in the opposite order of the one before. progress is told what is being
// done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	dir, err := os.MkdirTemp(o.Dir, "verdict-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w := &world{dir: filepath.Join(dir, "round"), verdict: filepath.Join(dir, "verdict")}
	if w.self, err = os.Executable(); err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", w.verdict, "./cmd/verdict")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build Verdict: %w\n%s", err, out)
	}
	report := &Report{Options: o, Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version())}
	if report.InMemory, err = measure.InMemory(dir); err != nil {
		return nil, err
	}
	report.Rows = []*Row{{Name: "verdict", start: startVerdict}, {Name: "straight", start: startStraight}}
	order := slices.Clone(report.Rows)
	var fsyncs []float64
	for n := range o.Rounds {
		f, err := measure.Fsync(dir)
		if err != nil {
			return nil, err
		}
		fsyncs = append(fsyncs, float64(f))
		for _, row := range order {
			began := time.Now()
			round, err := runRound(ctx, o, row, w)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", row.Name, err)
			}
			row.Rounds = append(row.Rounds, round)
			p := round.Points[0]
			fmt.Fprintf(progress, "round %d of %d: %s: at %g/s answered in %s (p50), pushed in %s; %.0f/s sustained; after %s\n", n+1, o.Rounds, row.Name,
				p.Rate, p.Submit.P50, p.Push.P50, round.Sustained, time.Since(began).Round(time.Second))
		}
		slices.Reverse(order)
	}
	report.Fsync = stats.Summarize(fsyncs)
	return report, nil
}

// runRound starts a contender in a folder, which it makes, measures it, and ends it.
func runRound(ctx context.Context, o Options, row *Row, w *world) (*Round, error) {
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(w.dir)
	address, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, err
	}
	w.partner = "http://" + address
	partner, err := daemon.Start(ctx, daemon.Command{
		Program: w.self, Args: []string{"partner", "--address", address, "--at-once"}, Dir: w.dir, Ready: daemon.Answers(w.partner + "/sent?after=0"),
	})
	if err != nil {
		return nil, err
	}
	defer partner.Close()
	d, address, err := row.start(ctx, w)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	result := &Round{Start: d.StartedIn()}
	if err := pause(ctx, still); err != nil {
		return nil, err
	}
	if result.Memory, err = d.Process().RSS(); err != nil {
		return nil, err
	}
	users, err := app.Connect(ctx, []string{address}, o.Clients)
	if err != nil {
		return nil, err
	}
	defer users.Close()
	r := &round{options: o, process: d.Process(), users: users}
	return result, r.run(ctx, result)
}
