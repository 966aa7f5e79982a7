package overload

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"verdict/bench/stats"
)

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%g times the peak for %s, over %d connections; %d rounds; median (least-most)\n\n", r.Options.Times, r.Options.For,
		r.Options.Connections, r.Options.Rounds)
	line := func(name string, figure func(*Round) float64, write func(float64) string) {
		var values []float64
		for _, round := range r.Rounds {
			values = append(values, figure(round))
		}
		fmt.Fprintf(w, "%s\t%s\n", name, stats.Spread(stats.Summarize(values), write))
	}
	share := func(part func(*Round) int64) func(*Round) float64 {
		return func(r *Round) float64 { return float64(part(r)) / float64(r.Accepted.Count+r.Refused.Count) }
	}
	times := func(d func(*Round) time.Duration) func(*Round) float64 {
		return func(r *Round) float64 { return float64(d(r)) }
	}
	line("peak: accepted a second by a closed loop", func(r *Round) float64 { return r.Peak }, stats.Whole)
	line("offered a second", func(r *Round) float64 { return r.Offered }, stats.Whole)
	line("accepted a second under overload", func(r *Round) float64 { return r.Goodput }, stats.Whole)
	line("  of the peak", func(r *Round) float64 { return r.Goodput / r.Peak }, stats.Percent)
	line("  of the peak afterwards", func(r *Round) float64 { return r.Goodput / r.After }, stats.Percent)
	line("shed (429 or 503, with Retry-After)", share(func(r *Round) int64 { return r.Shed }), stats.Percent)
	line("refused otherwise, or not answered", share(func(r *Round) int64 { return r.Broken }), stats.Percent)
	line("accepted within, p50", times(func(r *Round) time.Duration { return r.Accepted.P50 }), stats.Duration)
	line("  p99", times(func(r *Round) time.Duration { return r.Accepted.P99 }), stats.Duration)
	line("refused within, p50", times(func(r *Round) time.Duration { return r.Refused.P50 }), stats.Duration)
	line("  p99", times(func(r *Round) time.Duration { return r.Refused.P99 }), stats.Duration)
	line("load client late, p99", times(func(r *Round) time.Duration { return r.Late.P99 }), stats.Duration)
	line("recovered after", times(func(r *Round) time.Duration { return r.Recovery }), stats.Duration)
	for n, round := range r.Rounds {
		if round.Why != "" {
			fmt.Fprintf(w, "WARNING: round %d: %s\n", n+1, round.Why)
		}
	}
	if m := r.Waiting; m != nil {
		fmt.Fprintf(w, "\n%d transactions that wait for the partner, each\tRSS %s\theap %s\tstacks %s\t%.1f goroutines\n", m.Transactions,
			stats.Kibibytes(m.RSS), stats.Kibibytes(m.Heap), stats.Kibibytes(m.Stacks), m.Goroutines)
	}
	return w.Flush()
}
