package path

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"verdict/bench/stats"
)

// figure is one of a round's; ok is false where there is none.
type figure func(*Round) (value float64, ok bool)

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s; %d rounds; median of the rounds (least-most)\n", r.Machine, r.Options.Rounds)
	fmt.Fprintf(w, "fsync of 4 KiB in the servers' folder: %s\n", stats.Spread(r.Fsync, stats.Duration))
	if r.InMemory {
		fmt.Fprintln(w, "THE FOLDER IS IN MEMORY: an fsync does nothing there; give --dir on a disk")
	}
	fmt.Fprint(w, "\nThe partner answers at once")
	for _, row := range r.compared() {
		fmt.Fprintf(w, "\t%s\tis times", row.Name)
	}
	fmt.Fprintf(w, "\t%s\n", r.last().Name)
	for i, rate := range r.Options.Rates {
		at := func(get func(*Point) float64) figure {
			return func(r *Round) (float64, bool) { return get(r.Points[i]), true }
		}
		of := func(l func(*Point) time.Duration) figure { return at(func(p *Point) float64 { return float64(l(p)) }) }
		name := fmt.Sprintf("%g/s: post to 202", rate)
		r.line(w, name+", p50", of(func(p *Point) time.Duration { return p.Submit.P50 }), stats.Duration)
		r.line(w, "  p99", of(func(p *Point) time.Duration { return p.Submit.P99 }), stats.Duration)
		r.line(w, "  p99.9", of(func(p *Point) time.Duration { return p.Submit.P999 }), stats.Duration)
		r.line(w, "post to push, p50", of(func(p *Point) time.Duration { return p.Push.P50 }), stats.Duration)
		r.line(w, "  p99", of(func(p *Point) time.Duration { return p.Push.P99 }), stats.Duration)
		r.line(w, "  p99.9", of(func(p *Point) time.Duration { return p.Push.P999 }), stats.Duration)
		r.line(w, "processor time of a transaction", at(func(p *Point) float64 { return p.CPU }), stats.Duration)
		r.line(w, "client late, p99", of(func(p *Point) time.Duration { return p.Late.P99 }), stats.Duration)
	}
	if r.Options.Search {
		r.line(w, "highest sustained rate", func(r *Round) (float64, bool) { return r.Sustained, true }, stats.Whole)
	}
	r.line(w, fmt.Sprintf("fsyncs of a transaction at %g/s, traced", r.Options.Rates[0]), func(r *Round) (float64, bool) { return r.Fsyncs, r.Fsyncs >= 0 }, stats.Plain)
	r.line(w, "start to ready", func(r *Round) (float64, bool) { return float64(r.Start), true }, stats.Duration)
	r.line(w, "idle memory (RSS)", func(r *Round) (float64, bool) { return float64(r.Memory), true }, stats.Mebibytes)
	r.warnings(w)
	return w.Flush()
}

// line writes a figure of all, and their ratios to the last, round by round.
func (r *Report) line(w io.Writer, name string, f figure, write func(float64) string) {
	fmt.Fprint(w, name)
	reference := r.last().figures(f)
	for _, row := range r.compared() {
		values := row.figures(f)
		fmt.Fprintf(w, "\t%s\t", spread(values, write))
		if ratio, ok := stats.Ratios(values, reference); ok {
			fmt.Fprint(w, stats.Spread(ratio, stats.Plain))
		}
	}
	fmt.Fprintf(w, "\t%s\n", spread(reference, write))
}

func (r *Report) last() *Row { return r.Rows[len(r.Rows)-1] }

// compared are those that are compared with the last.
func (r *Report) compared() []*Row { return r.Rows[:len(r.Rows)-1] }

func (row *Row) figures(f figure) (values []float64) {
	for _, round := range row.Rounds {
		if v, ok := f(round); ok {
			values = append(values, v)
		}
	}
	return values
}

func spread(values []float64, write func(float64) string) string {
	if len(values) == 0 {
		return "-"
	}
	return stats.Spread(stats.Summarize(values), write)
}

func (r *Report) warnings(w io.Writer) {
	for _, row := range r.Rows {
		for n, round := range row.Rounds {
			for _, p := range round.Points {
				if !p.sustained() {
					fmt.Fprintf(w, "WARNING: %s, round %d, %g/s: %d refused (%v), %d lost, %s behind, p99 %s, cut: %v\n", row.Name, n+1, p.Rate,
						p.Refused, p.err, p.Lost, p.Behind.Round(time.Millisecond), p.Submit.P99, p.Cut)
				}
				if p.Late.P99 > disturbed {
					fmt.Fprintf(w, "WARNING: %s, round %d, %g/s: the load client was late by %s (p99)\n", row.Name, n+1, p.Rate, p.Late.P99)
				}
			}
		}
	}
}
