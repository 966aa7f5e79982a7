package submit

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"verdict/bench/stats"
)

// disturbed is how late the load client may begin its submits before the latencies are its own doing.
const disturbed = 20 * time.Millisecond

// Print writes the report for a terminal. Verdict's row is the first.
func (r *Report) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	o := r.Options
	fmt.Fprintf(w, "%s; %d rounds; median of the rounds (least-most)\n", r.Machine, o.Rounds)
	fmt.Fprintf(w, "fsync of 4 KiB in the servers' folder: %s%s\n", stats.Spread(r.Fsync, stats.Duration), delayed(o.Fsync))
	fmt.Fprintf(w, "partner: %s\n", map[string]string{Held: "held; only accepting is measured", Quick: "quick; each transaction is carried out as well"}[o.Partner])
	if r.InMemory {
		fmt.Fprintln(w, "THE FOLDER IS IN MEMORY: an fsync does nothing there; give --dir on a disk")
	}
	r.throughput(w)
	r.latency(w)
	r.versions(w)
	return w.Flush()
}

func delayed(by time.Duration) string {
	if by == 0 {
		return ""
	}
	return fmt.Sprintf(", and %s more, by a library preloaded into the servers", by)
}

// throughput tells what closed loops got, and how many times as much Verdict got.
func (r *Report) throughput(w io.Writer) {
	fmt.Fprint(w, "\nHighest throughput: submits a second")
	for _, n := range r.Options.Connections {
		fmt.Fprintf(w, "\t%d connections\tverdict is times\tcpu/submit", n)
	}
	if r.Options.Search {
		fmt.Fprintf(w, "\topen loop, p99 < %s\tverdict is times", promptly)
	}
	fmt.Fprintln(w)
	for _, row := range r.present() {
		fmt.Fprint(w, row.Name)
		for i := range r.Options.Connections {
			r.cells(w, row, func(r *Round) float64 { return r.Highest[i] }, stats.Whole)
			fmt.Fprintf(w, "\t%s", row.spread(func(r *Round) float64 { return r.Saturated[i] }, stats.Duration))
		}
		if r.Options.Search {
			r.cells(w, row, func(r *Round) float64 { return r.Sustained }, stats.Whole)
		}
		fmt.Fprintln(w)
	}
}

// latency tells what the open loops saw.
func (r *Report) latency(w io.Writer) {
	fmt.Fprintf(w, "\nAt %g submits a second, from when each was due\tp50\tverdict is times\tp99\tverdict is times\tp99.9\tmost\tcpu/submit\tclient late: p99\n", r.Options.Rate)
	for _, row := range r.present() {
		fmt.Fprint(w, row.Name)
		r.cells(w, row, func(r *Round) float64 { return float64(r.Open.Q.P50) }, stats.Duration)
		r.cells(w, row, func(r *Round) float64 { return float64(r.Open.Q.P99) }, stats.Duration)
		all, late := stats.NewLatency(), 0.0
		for _, round := range row.Rounds {
			all.Merge(round.Open.Latency)
			late = max(late, float64(round.Open.Late.P99))
		}
		q := all.Quantiles()
		fmt.Fprintf(w, "\t%s\t%s\t%s\t%s\n", stats.Duration(float64(q.P999)), stats.Duration(float64(q.Max)),
			row.spread(func(r *Round) float64 { return r.Open.CPU }, stats.Duration), stats.Duration(late))
	}
}

// cells writes a figure, and Verdict's over it, round by round.
func (r *Report) cells(w io.Writer, row *Row, figure func(*Round) float64, write func(float64) string) {
	fmt.Fprintf(w, "\t%s", row.spread(figure, write))
	if ratio, ok := stats.Ratios(r.Rows[0].figures(figure), row.figures(figure)); ok && row != r.Rows[0] {
		fmt.Fprintf(w, "\t%s", stats.Spread(ratio, stats.Plain))
	} else {
		fmt.Fprint(w, "\t")
	}
}

// versions tells what was measured, what wasn't, and what went wrong.
func (r *Report) versions(w io.Writer) {
	fmt.Fprintln(w)
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s: %s\n", row.Name, row.Version)
		if row.Absent != "" {
			fmt.Fprintf(w, "  NOT MEASURED: %s\n", strings.ReplaceAll(row.Absent, "\n", "\n  "))
		}
		for n, round := range row.Rounds {
			if round.Trouble != "" {
				fmt.Fprintf(w, "  WARNING: round %d: %s\n", n+1, round.Trouble)
			}
			if round.Open.Cut {
				fmt.Fprintf(w, "  WARNING: round %d: %g/s was given up: more than a second's submits were under way\n", n+1, round.Open.Rate)
			}
			if round.Open.Late.P99 > disturbed {
				fmt.Fprintf(w, "  WARNING: round %d: the load client was late by %s (p99)\n", n+1, round.Open.Late.P99)
			}
		}
	}
}

func (r *Report) present() (rows []*Row) {
	for _, row := range r.Rows {
		if row.Absent == "" && len(row.Rounds) > 0 {
			rows = append(rows, row)
		}
	}
	return rows
}

func (row *Row) figures(figure func(*Round) float64) (values []float64) {
	for _, round := range row.Rounds {
		values = append(values, figure(round))
	}
	return values
}

func (row *Row) spread(figure func(*Round) float64, write func(float64) string) string {
	return stats.Spread(stats.Summarize(row.figures(figure)), write)
}
