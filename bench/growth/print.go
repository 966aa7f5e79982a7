package growth

import (
	"fmt"
	"io"
	"time"

	"verdict/bench/path"
	"verdict/bench/stats"
)

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	fmt.Fprintf(to, "%d settled transactions were filled in within %s: %.0f bytes each in the database's file\n", r.Rows, r.Fill.Round(time.Second), r.Each)
	fmt.Fprintf(to, "start to ready with none of it in memory: %s\n", stats.Duration(float64(r.Cold)))
	r.retention(to)
	fmt.Fprintln(to)
	return r.Paths.Print(to)
}

// retention tells what deleting has cost, and how much was deleted for that.
func (r *Report) retention(to io.Writer) {
	without, with := r.Paths.Rows[0], r.Paths.Rows[1]
	var up time.Duration
	for _, round := range with.Rounds {
		up += round.Up
	}
	fmt.Fprintf(to, "retention deleted %d transactions, %.0f a second", r.Deleted, float64(r.Deleted)/up.Seconds())
	if r.Deleted == 0 {
		fmt.Fprintln(to, "\nWARNING: it deleted nothing, so what is told of it is of no use")
		return
	}
	for i, rate := range r.Paths.Options.Rates {
		dent := func(figure func(*path.Point) time.Duration) string {
			var figures [2][]float64
			for j, row := range []*path.Row{with, without} {
				for _, round := range row.Rounds {
					figures[j] = append(figures[j], float64(figure(round.Points[i])))
				}
			}
			ratio, _ := stats.Ratios(figures[0], figures[1])
			return stats.Spread(ratio, stats.Plain)
		}
		fmt.Fprintf(to, "; p99 at %g/s is %s times that without to 202, %s times to the push", rate,
			dent(func(p *path.Point) time.Duration { return p.Submit.P99 }), dent(func(p *path.Point) time.Duration { return p.Push.P99 }))
	}
	fmt.Fprintln(to)
}
