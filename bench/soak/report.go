package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"verdict/bench/measure"
	"verdict/bench/stats"
)

// Report is all that was seen.
type Report struct {
	Options  Options       `json:"options"`
	Every    time.Duration `json:"every_ns"`
	Samples  []Sample      `json:"samples"`
	Accepted int64         `json:"accepted"`
	Refused  int64         `json:"refused"`
	Refusal  string        `json:"refusal,omitempty"` // of one that was refused
	Came     int64         `json:"came"`              // subscribers
	Cut      int64         `json:"cut"`               // of them, by the server, before they wanted to go
	Heard    int64         `json:"heard"`             // messages to them
}

// Sample is what Verdict holds at one moment. Sizes are in bytes.
type Sample struct {
	Heap        int64 `json:"heap"` // in spans in use, garbage included
	Stacks      int64 `json:"stacks"`
	RSS         int64 `json:"rss"`
	Goroutines  int64 `json:"goroutines"`
	Descriptors int64 `json:"descriptors"`
	WAL         int64 `json:"wal"`      // the log of SQLite
	Database    int64 `json:"database"` // which grows with its transactions
	Stream      int64 `json:"stream"`   // the folder of the embedded stream
}

func (s Sample) String() string {
	m := func(b int64) string { return stats.Mebibytes(float64(b)) }
	return fmt.Sprintf("heap %s, stacks %s, RSS %s, %d goroutines, %d descriptors, WAL %s, database %s, stream %s",
		m(s.Heap), m(s.Stacks), m(s.RSS), s.Goroutines, s.Descriptors, m(s.WAL), m(s.Database), m(s.Stream))
}

func (w *world) sample(ctx context.Context) (s Sample, err error) {
	m, err := measure.Scrape(ctx, w.gateway.Metrics())
	if err != nil {
		return s, err
	}
	s.Heap, s.Stacks, s.Goroutines = m.Heap, m.Stacks, m.Goroutines
	descriptors, err1 := w.gateway.Process().Descriptors()
	s.Descriptors = int64(descriptors)
	var err2, err3, err4, err5 error
	s.RSS, err2 = w.gateway.Process().RSS()
	s.WAL, err3 = folder(filepath.Join(w.dir, "verdict.db-wal"))
	s.Database, err4 = folder(filepath.Join(w.dir, "verdict.db"))
	s.Stream, err5 = folder(filepath.Join(w.dir, "jetstream"))
	return s, errors.Join(err1, err2, err3, err4, err5)
}

// folder is the size of a file, or of all files in a folder. What goes away meanwhile counts as nothing.
func folder(path string) (sum int64, err error) {
	err = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		} else if errors.Is(err, os.ErrNotExist) {
			err = nil
		}
		return err
	})
	return sum, err
}

// A line is what is told of one figure.
type line struct {
	name   string
	figure func(Sample) int64
	write  func(float64) string
	grows  bool // it is meant to
}

var lines = []line{
	{"heap in use", func(s Sample) int64 { return s.Heap }, stats.Mebibytes, false},
	{"stacks", func(s Sample) int64 { return s.Stacks }, stats.Mebibytes, false},
	{"RSS", func(s Sample) int64 { return s.RSS }, stats.Mebibytes, false},
	{"goroutines", func(s Sample) int64 { return s.Goroutines }, stats.Whole, false},
	{"descriptors", func(s Sample) int64 { return s.Descriptors }, stats.Whole, false},
	{"WAL", func(s Sample) int64 { return s.WAL }, stats.Mebibytes, false},
	{"stream's folder", func(s Sample) int64 { return s.Stream }, stats.Mebibytes, false},
	{"database", func(s Sample) int64 { return s.Database }, stats.Mebibytes, true},
}

// flat is by which share of its median a figure may change in the time that counts.
const flat = 0.1

// judge returns a figure's median, by how much its trend changes it in the time that counts, and whether it is flat.
func judge(series []float64) (median, change float64, isFlat bool) {
	median = stats.Summarize(series).Median
	change = stats.Slope(series) * float64(len(series)-1)
	return median, change, math.Abs(change) <= flat*math.Max(median, 1)
}

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	counting := r.Samples[min(len(r.Samples)-1, int(settled*float64(len(r.Samples)))):]
	hours := (time.Duration(len(counting)-1) * r.Every).Hours()
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s at %g submits a second: %d accepted, %d refused; %d subscribers came, %d were cut, %d messages heard\n",
		r.Options.For, r.Options.Rate, r.Accepted, r.Refused, r.Came, r.Cut, r.Heard)
	if r.Refusal != "" {
		fmt.Fprintf(w, "one was refused: %s\n", r.Refusal)
	}
	fmt.Fprintf(w, "\nfrom sample %d of %d on\tmedian\tleast\tmost\ttrend an hour\t\n", len(r.Samples)-len(counting)+1, len(r.Samples))
	for _, l := range lines {
		var series []float64
		for _, s := range counting {
			series = append(series, float64(l.figure(s)))
		}
		median, change, isFlat := judge(series)
		s, word := stats.Summarize(series), "flat"
		switch {
		case l.grows:
			word = "grows with its transactions"
		case !isFlat:
			word = "NOT FLAT"
		}
		perHour := 0.0
		if hours > 0 {
			perHour = change / hours
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", l.name, l.write(median), l.write(s.Min), l.write(s.Max), l.write(perHour), word)
	}
	return w.Flush()
}
