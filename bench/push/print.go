package push

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"verdict/bench/stats"
	"verdict/bench/target"
)

// page writes tables; the first error is kept, and nothing is written after it.
type page struct {
	to  io.Writer
	err error
}

func (p *page) line(format string, values ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.to, format+"\n", values...)
	}
}

// table writes lines of cells that are parted by tabs.
func (p *page) table(lines []string) {
	if p.err != nil {
		return
	}
	w := tabwriter.NewWriter(p.to, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		if _, p.err = fmt.Fprintln(w, line); p.err != nil {
			return
		}
	}
	p.err = w.Flush()
}

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	p := &page{to: to}
	p.line("%s; %d connections, %d rounds, %d events of each rate in each", r.Machine, r.Options.Connections, r.Options.Rounds, r.Options.Events)
	p.line("fsync of 4 KiB on the database's folder: %s", spread(r.Fsync, micros))
	if r.InMemory {
		p.line("THE FOLDER IS IN MEMORY: an fsync does nothing there; give --dir on a disk")
	}
	for _, kind := range r.Options.Kinds {
		p.line("\n%s: bytes of the server's memory for each connection (median of rounds, and least to most)", kind)
		p.table(r.memoryTable(kind))
		for i, rate := range r.Options.Rates {
			p.line("\n%s, %g events a second: from when the event was due until the client had it", kind, rate)
			p.table(r.pushTable(kind, i))
		}
		p.line("\n%s: Verdict over the others (median of the rounds' ratios, and least to most)", kind)
		p.table(r.ratioTable(kind))
	}
	p.line("\nTargets")
	p.table(r.targetTable())
	r.notes(p)
	return p.err
}

func (r *Report) rows(kind target.Kind) (rows []*Row) {
	for _, row := range r.Rows {
		if row.Kind == kind {
			rows = append(rows, row)
		}
	}
	return rows
}

// of summarizes a figure of a row's rounds.
func (row *Row) of(figure func(*Round) float64) stats.Summary {
	return stats.Summarize(row.values(figure))
}

func (row *Row) values(figure func(*Round) float64) (values []float64) {
	for _, round := range row.Rounds {
		values = append(values, figure(round))
	}
	return values
}

func (r *Report) memoryTable(kind target.Kind) []string {
	lines := []string{"\tidle: RSS\theap\tstacks\tgoroutines\tkernel slab\tTCP buffers\tafter traffic: RSS\theap\tstacks"}
	for _, row := range r.rows(kind) {
		if row.Absent != "" {
			lines = append(lines, row.Name+"\t"+row.Absent)
			continue
		}
		var cells []string
		for _, cell := range []struct {
			figure func(*Round) float64
			write  func(float64) string
		}{
			{func(r *Round) float64 { return r.Idle.RSS }, kibibytes},
			{func(r *Round) float64 { return r.Idle.Heap }, kibibytes},
			{func(r *Round) float64 { return r.Idle.Stacks }, kibibytes},
			{func(r *Round) float64 { return r.Idle.Goroutines }, plain},
			{func(r *Round) float64 { return r.Idle.Slab }, kibibytes},
			{func(r *Round) float64 { return r.Idle.Buffers }, kibibytes},
			{func(r *Round) float64 { return r.After.RSS }, kibibytes},
			{func(r *Round) float64 { return r.After.Heap }, kibibytes},
			{func(r *Round) float64 { return r.After.Stacks }, kibibytes},
		} {
			cells = append(cells, spread(row.of(cell.figure), cell.write))
		}
		lines = append(lines, row.Name+"\t"+strings.Join(cells, "\t"))
	}
	return lines
}

func (r *Report) pushTable(kind target.Kind, rate int) []string {
	lines := []string{"\tp50\tp99\tp99.9\tmost\tevents\tlost\trefused\tsender late p99\tserver's time/event\tclient's own\tserver/client"}
	for _, row := range r.rows(kind) {
		if row.Absent != "" {
			lines = append(lines, row.Name+"\t"+row.Absent)
			continue
		}
		p := row.Rates[rate]
		q := p.Quantiles
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%s", row.Name,
			millis(q.P50), millis(q.P99), millis(q.P999), millis(q.Max), q.Count, p.Lost, p.Refused, millis(p.Sender.P99),
			perEvent(p.Server, q.Count), perEvent(p.Client, q.Count),
			spread(row.of(func(r *Round) float64 { return r.Rates[rate].overClient() }), plain)))
	}
	return lines
}

// overClient is the server's processor time over the load client's; 0 if the client's was too short to tell.
func (p *Pushed) overClient() float64 {
	if p.Client <= 0 {
		return 0
	}
	return float64(p.Server) / float64(p.Client)
}

func (r *Report) ratioTable(kind target.Kind) []string {
	head := "\tidle RSS\tidle heap+stacks\tRSS after"
	for _, rate := range r.Options.Rates {
		head += fmt.Sprintf("\tp50 at %g/s\tp99\tp99.9\ttime/event", rate)
	}
	lines := []string{head}
	rows := r.rows(kind)
	for _, row := range rows[1:] {
		if row.Absent != "" {
			lines = append(lines, row.Name+"\t"+row.Absent)
			continue
		}
		line := row.Name
		for _, figure := range r.figures() {
			s, ok := stats.Ratios(rows[0].values(figure), row.values(figure))
			if !ok {
				line += "\t-"
				continue
			}
			line += "\t" + spread(s, plain)
		}
		lines = append(lines, line)
	}
	return lines
}

// figures are those of which ratios are told.
func (r *Report) figures() []func(*Round) float64 {
	figures := []func(*Round) float64{
		func(r *Round) float64 { return r.Idle.RSS },
		func(r *Round) float64 { return r.Idle.Heap + r.Idle.Stacks },
		func(r *Round) float64 { return r.After.RSS },
	}
	for i := range r.Options.Rates {
		figures = append(figures,
			func(r *Round) float64 { return float64(r.Rates[i].Quantiles.P50) },
			func(r *Round) float64 { return float64(r.Rates[i].Quantiles.P99) },
			func(r *Round) float64 { return float64(r.Rates[i].Quantiles.P999) },
			func(r *Round) float64 {
				return float64(r.Rates[i].Server) / float64(max(1, r.Rates[i].Quantiles.Count))
			},
		)
	}
	return figures
}

// spread writes a summary, and leaves out bounds that look alike.
func spread(s stats.Summary, write func(float64) string) string {
	low, high := write(s.Min), write(s.Max)
	if low == high {
		return low
	}
	return fmt.Sprintf("%s (%s-%s)", write(s.Median), low, high)
}

func plain(v float64) string        { return fmt.Sprintf("%.2f", v) }
func kibibytes(v float64) string    { return fmt.Sprintf("%.1fK", v/1024) }
func micros(v float64) string       { return time.Duration(v).Round(time.Microsecond).String() }
func millis(d time.Duration) string { return fmt.Sprintf("%.2fms", float64(d)/1e6) }
func perEvent(d time.Duration, n int64) string {
	if n == 0 {
		return "-"
	}
	return micros(float64(d) / float64(n))
}
