package path

import (
	"context"
	"fmt"
	"io"
	"os"
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
	Rows     []*Row        `json:"rows"` // the last is what the others are compared with
}

// Row is a contender's rounds.
type Row struct {
	Name   string   `json:"name"`
	Rounds []*Round `json:"rounds"`
}

// A Contender is a server that carries transactions out, and the users' WebSockets.
type Contender struct {
	Name  string
	Start func(ctx context.Context, w *World) (d *daemon.Daemon, address string, err error)
}

// World is where contenders run.
type World struct {
	Dir     string // of a round
	Verdict string // the built binary
	Self    string // this program
	Partner string // the URL of a partner that answers with the verdict, during a round

	whole   string // the folder around it all
	numbers int64  // of transactions that were taken
}

// Verdict is the product, with its defaults but for what is changed.
func Verdict(name string, change func(*cluster.GatewayConfig)) Contender {
	return Contender{name, func(ctx context.Context, w *World) (*daemon.Daemon, string, error) {
		c := cluster.GatewayConfig{
			Binary: w.Verdict, Host: "127.0.0.1", Partner: w.Partner, Database: "sqlite:verdict.db", Stream: "{dir: jetstream}",
			KeyHash: app.APIKeyHash(),
		}
		if change != nil {
			change(&c)
		}
		g, err := cluster.StartGateway(ctx, filepath.Join(w.Dir, "server"), c)
		if err != nil {
			return nil, "", err
		}
		return g.Daemon, g.Address, nil
	}}
}

// Straight is the shortest path that commits as often.
var Straight = Contender{"straight", func(ctx context.Context, w *World) (*daemon.Daemon, string, error) {
	address, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, "", err
	}
	dir := filepath.Join(w.Dir, "server")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	d, err := daemon.Start(ctx, daemon.Command{
		Program: w.Self, Args: []string{"accept", "straight", "--address", address, "--partner", w.Partner}, Dir: dir,
		Ready: daemon.Answers("http://" + address + "/"),
	})
	return d, address, err
}}

// Open makes a folder on the disk that is measured, and builds Verdict. Close removes the folder.
func Open(ctx context.Context, dir, root string) (w *World, err error) {
	w = &World{}
	if w.Self, err = os.Executable(); err != nil {
		return nil, err
	}
	if w.whole, err = os.MkdirTemp(dir, "verdict-bench-"); err != nil {
		return nil, err
	}
	w.Dir, w.Verdict = filepath.Join(w.whole, "round"), filepath.Join(w.whole, "verdict")
	if err := cluster.Build(ctx, root, w.Verdict); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Folder is the one that Close removes.
func (w *World) Folder() string { return w.whole }

// Numbers returns the first of so many numbers of transactions, which nobody else gets: a contender may have a record from the
// round before.
func (w *World) Numbers(count int) (first int64) {
	first = w.numbers
	w.numbers += int64(count)
	return first
}

// Close removes what Open has made.
func (w *World) Close() { _ = os.RemoveAll(w.whole) } // it is in a folder of temporary files

// Run measures contenders in turn, each round in the opposite order of the one before. The last is what the others are compared
// with. progress is told what is being done.
func Run(ctx context.Context, o Options, w *World, order []Contender, progress io.Writer) (report *Report, err error) {
	report = &Report{Options: o, Machine: fmt.Sprintf("%d processors, %s", runtime.NumCPU(), runtime.Version())}
	if report.InMemory, err = measure.InMemory(w.whole); err != nil {
		return nil, err
	}
	order = slices.Clone(order)
	rows := map[string]*Row{}
	for _, c := range order {
		rows[c.Name] = &Row{Name: c.Name}
		report.Rows = append(report.Rows, rows[c.Name])
	}
	var fsyncs []float64
	for n := range o.Rounds {
		f, err := measure.Fsync(w.whole)
		if err != nil {
			return nil, err
		}
		fsyncs = append(fsyncs, float64(f))
		for _, c := range order {
			began := time.Now()
			round, err := runRound(ctx, o, c, w)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			rows[c.Name].Rounds = append(rows[c.Name].Rounds, round)
			p := round.Points[0]
			fmt.Fprintf(progress, "round %d of %d: %s: at %g/s answered in %s, pushed in %s (p50); after %s\n", n+1, o.Rounds, c.Name,
				p.Rate, p.Submit.P50, p.Push.P50, time.Since(began).Round(time.Second))
		}
		slices.Reverse(order)
	}
	report.Fsync = stats.Summarize(fsyncs)
	return report, nil
}

// runRound starts a contender in a folder, which it makes, measures it, and ends it.
func runRound(ctx context.Context, o Options, c Contender, w *World) (*Round, error) {
	if err := os.Mkdir(w.Dir, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(w.Dir)
	partner, err := w.StartPartner(ctx)
	if err != nil {
		return nil, err
	}
	defer partner.Close()
	d, address, err := c.Start(ctx, w)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	began := time.Now()
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
	r := &round{options: o, world: w, process: d.Process(), users: users}
	err = r.run(ctx, result)
	result.Up = time.Since(began)
	return result, err
}

// StartPartner starts the partner of a round, whose folder must be there.
func (w *World) StartPartner(ctx context.Context) (*daemon.Daemon, error) {
	address, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, err
	}
	w.Partner = "http://" + address
	return daemon.Start(ctx, daemon.Command{
		Program: w.Self, Args: []string{"partner", "--address", address, "--at-once"}, Dir: w.Dir, Ready: daemon.Answers(w.Partner + "/sent?after=0"),
	})
}
