package push

import (
	"fmt"
	"time"

	"verdict/bench/target"
)

// What Verdict is meant to reach. Memory is in bytes of RSS.
var memoryTargets = map[target.Kind]struct{ idle, after float64 }{
	target.WebSocket: {8 << 10, 10 << 10},
	target.SSE:       {4 << 10, 5 << 10},
}

const (
	cpuTarget  = 1.4                  // of the server over the load client
	tailTarget = 5 * time.Millisecond // p99.9 at tailRate
	tailRate   = 2000
	fsyncs     = 3 // that the median may take, beyond what a hub takes that keeps nothing
)

// targetTable sets what was measured beside what is meant.
func (r *Report) targetTable() []string {
	lines := []string{"\ttarget\tmeasured\t"}
	add := func(name, target, measured string, met bool) {
		verdict := "met"
		if !met {
			verdict = "NOT MET"
		}
		lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s", name, target, measured, verdict))
	}
	for _, kind := range r.Options.Kinds {
		rows := r.rows(kind)
		ours, goal := rows[0], memoryTargets[kind]
		memory := func(when string, of func(*Round) PerConnection, goal float64) {
			rss := ours.of(func(r *Round) float64 { return of(r).RSS })
			inUse := ours.of(func(r *Round) float64 { return of(r).Heap + of(r).Stacks })
			measured := fmt.Sprintf("%s RSS; %s heap and stacks", kibibytes(rss.Median), kibibytes(inUse.Median))
			add(fmt.Sprintf("%s connection, %s", kind, when), "<= "+kibibytes(goal), measured, rss.Median <= goal)
		}
		memory("idle", func(r *Round) PerConnection { return r.Idle }, goal.idle)
		memory("after traffic", func(r *Round) PerConnection { return r.After }, goal.after)
		for i, rate := range r.Options.Rates {
			q := ours.Rates[i].Quantiles
			name := fmt.Sprintf("%s at %g/s: ", kind, rate)
			hub, hubName := r.hub(rows, i)
			limit := hub + fsyncs*time.Duration(r.Fsync.Median)
			add(name+"p50", fmt.Sprintf("<= %s (%d fsyncs + %s)", millis(limit), fsyncs, hubName), millis(q.P50), q.P50 <= limit)
			cpu := ours.of(func(r *Round) float64 { return r.Rates[i].overClient() })
			add(name+"server's time over the client's", fmt.Sprintf("<= %.1f", cpuTarget), spread(cpu, plain), cpu.Median <= cpuTarget)
			if rate == tailRate {
				add(name+"p99.9", "<= "+millis(tailTarget), millis(q.P999), q.P999 <= tailTarget)
			}
		}
	}
	return lines
}

// hub is the p50 that a hub takes from publish to receive: Centrifugo's, or where it is absent that of the leanest
// floor, which is less.
func (r *Report) hub(rows []*Row, rate int) (time.Duration, string) {
	for _, row := range rows {
		if row.Name == target.Centrifugo && row.Absent == "" {
			return row.Rates[rate].Quantiles.P50, "Centrifugo's"
		}
	}
	lean := rows[2] // as target.Specs orders them
	return lean.Rates[rate].Quantiles.P50, "that of \"" + lean.Name + "\", Centrifugo being absent"
}

// notes tell what the figures don't.
func (r *Report) notes(p *page) {
	p.line("\nNotes")
	for _, row := range r.Rows {
		if row.Absent != "" {
			p.line("- NOT MEASURED: %s, %s: %s", row.Kind, row.Name, row.Absent)
		} else if row.Version != "" {
			p.line("- %s, %s: %s.", row.Kind, row.Name, row.Version)
		}
	}
	p.line("- The floors and the hubs keep nothing: their events are lost with them. Verdict's are on disk before they are pushed.")
	p.line("- Heap is in use after garbage was collected; RSS holds what the collector has freed and not given back.")
	p.line("- Kernel slab (sockets, files and what belongs to them) and TCP buffers are those of both ends, the load client's included.")
	for _, warning := range r.Warnings {
		p.line("- WARNING: %s", warning)
	}
}
