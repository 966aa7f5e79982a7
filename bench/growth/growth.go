// Package growth measures Verdict with a record of many transactions, beside an empty one.
package growth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"verdict/bench/app"
	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/path"
)

// Options say what to measure.
type Options struct {
	Rows int // transactions on record
	Path path.Options
}

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	if o.Rows < templates {
		return fmt.Errorf("--rows: give %d or more", templates)
	}
	return o.Path.Validate()
}

// Report is all that was measured.
type Report struct {
	Rows    int           `json:"rows"`
	Each    float64       `json:"bytes_each"` // of a settled transaction in the database's file
	Fill    time.Duration `json:"fill_ns"`
	Cold    time.Duration `json:"cold_start_ns"` // to its first answer, with none of the record in the system's memory
	Deleted int           `json:"deleted"`       // by retention, in all its rounds
	Paths   *path.Report  `json:"path"`
}

// oldShare of the record is old enough for retention to take away, which is far more than it gets to.
const oldShare = 10

// Run fills a record, and then measures the whole path with it, with it while retention deletes, with it when the system has
// nothing of it in memory, and with an empty one, in turn. progress is told what is being done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	w, err := path.Open(ctx, o.Path.Dir, root)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	file := filepath.Join(w.Folder(), "filled.db")
	report := &Report{Rows: o.Rows}
	if err := report.fill(ctx, w, file, progress); err != nil {
		return nil, err
	}
	name := fmt.Sprint(o.Rows, " on record")
	onRecord := path.Verdict(name, func(c *cluster.GatewayConfig) { c.Database = "sqlite:" + file })
	if report.Cold, err = coldStart(ctx, w, onRecord, file); err != nil {
		return nil, fmt.Errorf("start with a cold record: %w", err)
	}
	before, err := oldLeft(ctx, file)
	if err != nil {
		return nil, err
	}
	order := []path.Contender{
		after(read, file, name, onRecord),
		after(read, file, name+", retention", retaining(file)),
		after(evict, file, name+", cold", onRecord),
		path.Verdict("empty", nil),
	}
	if report.Paths, err = path.Run(ctx, o.Path, w, order, progress); err != nil {
		return nil, err
	}
	left, err := oldLeft(ctx, file)
	report.Deleted = before - left
	return report, err
}

// fill makes the record, and measures what it takes.
func (r *Report) fill(ctx context.Context, w *path.World, file string, progress io.Writer) error {
	if err := settleSome(ctx, w, file); err != nil {
		return fmt.Errorf("settle %d transactions: %w", templates, err)
	}
	before, err := size(file)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := fill(ctx, file, r.Rows, r.Rows/oldShare, func(done int) {
		fmt.Fprintf(progress, "filled in %d of %d after %s\n", done, r.Rows, time.Since(began).Round(time.Second))
	}); err != nil {
		return fmt.Errorf("fill the record: %w", err)
	}
	after, err := size(file)
	r.Fill, r.Each = time.Since(began), float64(after-before)/float64(r.Rows)
	return err
}

// coldStart measures a start with a record of which the system has nothing in memory.
func coldStart(ctx context.Context, w *path.World, c path.Contender, file string) (took time.Duration, err error) {
	if err := evict(file); err != nil {
		return 0, err
	}
	if err := os.Mkdir(w.Dir, 0o700); err != nil {
		return 0, err
	}
	defer os.RemoveAll(w.Dir)
	d, _, err := c.Start(ctx, w)
	if err != nil {
		return 0, err
	}
	d.Close()
	return d.StartedIn(), nil
}

// after is a contender that starts after something was done with the file of its record.
func after(do func(file string) error, file, name string, c path.Contender) path.Contender {
	return path.Contender{Name: name, Start: func(ctx context.Context, w *path.World) (*daemon.Daemon, string, error) {
		if err := do(file); err != nil {
			return nil, "", err
		}
		return c.Start(ctx, w)
	}}
}

// read has the system keep a file in memory, as it keeps what is used all the time.
func read(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// evict has the system keep nothing of a file in memory. It also has the disk take all that was written, which is not to be on its
// way while we measure.
func evict(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// templates is how many transactions are carried out for the others to be like.
const templates = 300 // as many as there are clients by default, so that each has some

// settleSome has Verdict make a record with a few transactions that have been through everything.
func settleSome(ctx context.Context, w *path.World, file string) error {
	if err := os.Mkdir(w.Dir, 0o700); err != nil {
		return err
	}
	defer os.RemoveAll(w.Dir)
	partner, err := w.StartPartner(ctx)
	if err != nil {
		return err
	}
	defer partner.Close()
	d, address, err := path.Verdict("", func(c *cluster.GatewayConfig) { c.Database = "sqlite:" + file }).Start(ctx, w)
	if err != nil {
		return err
	}
	defer d.Close() // killed, it leaves a log, which whoever opens the file reads
	users, err := app.Connect(ctx, []string{address}, templates)
	if err != nil {
		return err
	}
	defer users.Close()
	first := w.Numbers(templates)
	arrived := app.NewArrivals(first, templates)
	users.Await(arrived)
	for number := first; number < first+templates; number++ {
		if err := users.Submit(number); err != nil {
			return err
		}
	}
	if missing := arrived.Await(ctx, templates, time.Now().Add(30*time.Second)); missing > 0 {
		return fmt.Errorf("%d have no verdict", missing)
	}
	return errors.Join(users.Trouble(), ctx.Err())
}

func size(file string) (int64, error) {
	f, err := os.Stat(file)
	if err != nil {
		return 0, err
	}
	return f.Size(), nil
}
