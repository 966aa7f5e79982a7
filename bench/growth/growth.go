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

	"verdict/bench/app"
	"verdict/bench/cluster"
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
	Rows  int           `json:"rows"`
	Each  float64       `json:"bytes_each"` // of a settled transaction in the database's file
	Fill  time.Duration `json:"fill_ns"`
	Paths *path.Report  `json:"path"`
}

// Run fills a record, and then measures the whole path with it and with an empty one, in turn. progress is told what is being
// done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	w, err := path.Open(ctx, o.Path.Dir, root)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	file := filepath.Join(w.Folder(), "filled.db")
	if err := settleSome(ctx, w, file); err != nil {
		return nil, fmt.Errorf("settle %d transactions: %w", templates, err)
	}
	before, err := size(file)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := fill(ctx, file, o.Rows, func(done int) {
		fmt.Fprintf(progress, "filled in %d of %d after %s\n", done, o.Rows, time.Since(began).Round(time.Second))
	}); err != nil {
		return nil, fmt.Errorf("fill the record: %w", err)
	}
	report := &Report{Rows: o.Rows, Fill: time.Since(began)}
	after, err := size(file)
	if err != nil {
		return nil, err
	}
	report.Each = float64(after-before) / float64(o.Rows)
	filled := path.Verdict(fmt.Sprint(o.Rows, " on record"), func(c *cluster.GatewayConfig) { c.Database = "sqlite:" + file })
	report.Paths, err = path.Run(ctx, o.Path, w, filled, path.Verdict("empty", nil), progress)
	return report, err
}

// templates is how many transactions are carried out for the others to be like.
const templates = 100

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
	arrived := app.NewArrivals(0, templates)
	users.Await(arrived)
	for number := range templates {
		if err := users.Submit(int64(number)); err != nil {
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
