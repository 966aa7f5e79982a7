package scale

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"verdict/bench/stats"
)

// A column is a figure of a round. ok is false where there is none.
type column struct {
	head   string
	figure func(*Round) (value float64, ok bool)
	write  func(float64) string
}

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s; %d rounds; median of the rounds (least-most)\n", r.Machine, r.Options.Rounds)
	fmt.Fprintf(w, "fsync of 4 KiB in the databases' folder: %s\n", stats.Spread(r.Fsync, stats.Duration))
	if r.InMemory {
		fmt.Fprintln(w, "THE FOLDER IS IN MEMORY: an fsync does nothing there; give --dir on a disk")
	}
	rate := r.Options.Rate
	r.table(w, "Highest rate, and what there was no more of past it", highest, r.limits)
	r.table(w, fmt.Sprintf("Times at %g transactions a second", rate), times(compared), nil)
	r.table(w, fmt.Sprintf("Processor time of a transaction at %g a second", rate), cpu(compared), nil)
	r.table(w, "Processor time of a transaction at the highest rate of whole transactions", cpu((*Round).best), nil)
	r.table(w, "Idle: so much of one processor", idle, nil)
	r.table(w, fmt.Sprintf("A transaction at %g a second", rate), costs(compared), nil)
	r.table(w, "A transaction at the highest rate of whole transactions", costs((*Round).best), nil)
	r.table(w, "Past the highest rate: so much of one processor, and what PostgreSQL's lock was held for", past, nil)
	r.notes(w)
	return w.Flush()
}

// table writes a line for each setup, with what more tells of it at the end.
func (r *Report) table(w io.Writer, title string, columns []column, more func(*Row) string) {
	fmt.Fprintf(w, "\n%s\n", title)
	for _, c := range columns {
		fmt.Fprintf(w, "\t%s", c.head)
	}
	fmt.Fprintln(w)
	for _, row := range r.Rows {
		fmt.Fprint(w, row.Name)
		for _, c := range columns {
			fmt.Fprintf(w, "\t%s", row.cell(c))
		}
		if more != nil {
			fmt.Fprintf(w, "\t%s", more(row))
		}
		fmt.Fprintln(w)
	}
}

func (row *Row) cell(c column) string {
	var values []float64
	for _, round := range row.Rounds {
		if v, ok := c.figure(round); ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return "-"
	}
	return stats.Spread(stats.Summarize(values), c.write)
}

var highest = []column{
	{"submits/s", func(r *Round) (float64, bool) { return r.Submits, true }, stats.Whole},
	{"transactions/s", func(r *Round) (float64, bool) { return r.Whole, true }, stats.Whole},
}

// limits tells what limited each round.
func (r *Report) limits(row *Row) string {
	var all []string
	for _, round := range row.Rounds {
		if p := round.past(); p != nil {
			all = append(all, p.limit(r.Processors))
		}
	}
	return strings.Join(all, "; ")
}

func compared(r *Round) *Point { return r.Compared }

// of makes a column of a point's figure.
func of(head string, point func(*Round) *Point, figure func(*Point) (float64, bool), write func(float64) string) column {
	return column{head, func(r *Round) (float64, bool) {
		if p := point(r); p != nil {
			return figure(p)
		}
		return 0, false
	}, write}
}

func times(point func(*Round) *Point) []column {
	quantile := func(head string, l func(*Point) time.Duration) column {
		return of(head, point, func(p *Point) (float64, bool) { return float64(l(p)), true }, stats.Duration)
	}
	return []column{
		quantile("post to 202: p50", func(p *Point) time.Duration { return p.Submit.P50 }),
		quantile("p99", func(p *Point) time.Duration { return p.Submit.P99 }),
		quantile("webhook to push: p50", func(p *Point) time.Duration { return p.Push.P50 }),
		quantile("p99", func(p *Point) time.Duration { return p.Push.P99 }),
		quantile("client late: p99", func(p *Point) time.Duration { return p.Late.P99 }),
	}
}

// some makes a column of a counter; nothing where it didn't grow, as PostgreSQL's don't on SQLite.
func some(head string, point func(*Round) *Point, figure func(counts) float64, write func(float64) string) column {
	return of(head, point, func(p *Point) (float64, bool) {
		v := figure(p.Each)
		return v, v != 0
	}, write)
}

func one(c counter) func(counts) float64 { return func(all counts) float64 { return all[c] } }

// product is Verdict's time, and that of what it needs.
func product(c counts) float64 { return c[gatewayCPU] + c[postgresCPU] + c[natsCPU] }

func cpu(point func(*Round) *Point) []column {
	return []column{
		some("gateways", point, one(gatewayCPU), stats.Duration), some("PostgreSQL", point, one(postgresCPU), stats.Duration),
		some("NATS", point, one(natsCPU), stats.Duration), some("together", point, product, stats.Duration),
		some("partner", point, one(partnerCPU), stats.Duration), some("load client", point, one(clientCPU), stats.Duration),
		some("others", point, counts.others, stats.Duration),
	}
}

var idle = []column{
	share("gateways", one(gatewayCPU)), share("PostgreSQL", one(postgresCPU)), share("NATS", one(natsCPU)), share("others", counts.others),
}

func share(head string, figure func(counts) float64) column {
	return column{head, func(r *Round) (float64, bool) { return figure(r.Idle), true }, stats.Percent}
}

func costs(point func(*Round) *Point) []column {
	group := func(c counts) float64 { return c[changes] / max(c[commits], 1e-9) }
	return []column{
		some("changes", point, one(changes), stats.Plain), some("commits", point, one(commits), stats.Plain),
		some("changes/commit", point, group, stats.Plain), of("lock/commit", point, holdTime, stats.Duration), some("WAL", point, one(walBytes), stats.Kibibytes),
		some("on disk", point, one(diskBytes), stats.Kibibytes),
		some("NATS: from gateways", point, one(natsIn), stats.Plain), some("to gateways", point, one(natsOut), stats.Plain),
		some("between servers", point, one(natsBetween), stats.Plain), some("bytes", point, one(natsBytes), stats.Kibibytes),
		some("all bytes on loopback", point, one(loopbackBytes), stats.Kibibytes),
	}
}

// holdTime is how long each commit held PostgreSQL's lock.
func holdTime(p *Point) (float64, bool) {
	committed := p.Loaded.counts[commits]
	return p.Waits.holding("") * float64(p.Loaded.took) / max(committed, 1), committed > 0
}

var past = []column{
	busy("machine", one(machineCPU)), busy("gateways", one(gatewayCPU)), busy("PostgreSQL", one(postgresCPU)), busy("NATS", one(natsCPU)),
	busy("partner", one(partnerCPU)), busy("load client", one(clientCPU)),
	held("lock held", ""), held(working, working), held(syncing, syncing), held(asking, asking),
}

func busy(head string, figure func(counts) float64) column {
	return of(head, (*Round).past, func(p *Point) (float64, bool) { return figure(p.Shares), true }, stats.Percent)
}

func held(head, what string) column {
	return of(head, (*Round).past, func(p *Point) (float64, bool) { return p.Waits.holding(what), p.Waits.Samples > 0 }, stats.Percent)
}

// notes tell what the figures don't.
func (r *Report) notes(w io.Writer) {
	fmt.Fprintf(w, "\nAll of it shares %d processors: instances, PostgreSQL, NATS, the partner and the load client. So the rates can't grow\n"+
		"with the number of instances here. What tells is the processor time of a transaction.\n", r.Processors)
	replicas := map[string]int{}
	for _, row := range r.Rows {
		for _, round := range row.Rounds {
			maps.Copy(replicas, round.Replicas)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(replicas)) {
		fmt.Fprintf(w, "Stream %s: %d replicas.\n", name, replicas[name])
	}
	for _, row := range r.Rows {
		for n, round := range row.Rounds {
			if others := round.Idle.others(); others > disturbed {
				fmt.Fprintf(w, "WARNING: %s, round %d: the machine was busy with other things, %.0f %% of a processor while nothing happened.\n",
					row.Name, n+1, 100*others)
			}
			if p := round.Compared; !p.whole() || p.Stray > 0 {
				fmt.Fprintf(w, "WARNING: %s, round %d, %g/s: %d refused, %d lost, %d told twice, %s behind, p99 %s, cut: %v.\n", row.Name, n+1, p.Rate,
					p.Refused, p.Lost, p.Stray, p.Behind.Round(time.Millisecond), p.Submit.P99, p.Cut)
			}
		}
	}
}
