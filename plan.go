package verdict

import (
	"math"
	"time"
)

// Plan says when to ask about a transaction whose verdict didn't come with the reply: the times that cost least, where a
// second that a user waits for a verdict that could be had costs one, and a check costs the price. That is the inspection
// problem of Barlow, Hunter and Proschan (1963), solved by dynamic programming over cells of time. A webhook that is
// likely to come makes waiting cheaper, so it thins the checks out. The floor's checks are made in any case.
//
// A nil Plan is the floor alone.
type Plan struct {
	next  []int     // the cell at whose end to ask next, by that of the last check
	first []float64 // what it costs to ask first at the end of a cell
}

// inspection is the problem that a plan solves, but for the price.
type inspection struct {
	floor []int // cells at whose ends we ask in any case, ascending

	// By the cell of a check and that of the check before it, -1 for none:
	wait [][]float64 // how long users are to wait for the verdicts that come between the two, in seconds
	made [][]float64 // how likely it is that the check is made: the verdict isn't there, or its webhook isn't
}

// inspect returns the problem of asking at the floor's times and between, if verdicts come by one density and their
// webhooks by another.
func inspect(settle, webhook []float64, floor []time.Duration) inspection {
	in := inspection{wait: make([][]float64, cells), made: make([][]float64, cells)}
	for _, at := range floor {
		in.floor = append(in.floor, min(cellOf(at), cells-1))
	}
	silent := newSilence(webhook)
	tail := settle[beyond]
	for j := cells - 1; j >= 0; j-- {
		wait, made := make([]float64, j+1), make([]float64, j+1)
		var waits, settled float64
		for k := j; k >= 0; k-- { // verdicts of cell k, between a check at the end of k-1 and one at the end of j
			if p := settle[k]; p > 0 {
				chance, time := silent.after(cellEnd(j) - cellMiddle(k))
				waits, settled = waits+p*time, settled+p*chance
			}
			wait[k], made[k] = waits, settled+tail
		}
		in.wait[j], in.made[j] = wait, made
		tail += settle[j]
	}
	return in
}

// plan solves the problem at a price, in seconds.
func (in inspection) plan(price float64) *Plan {
	p := &Plan{next: make([]int, cells), first: make([]float64, cells)}
	cost := make([]float64, cells) // from a check on, by its cell
	for i := range cost {
		cost[i] = math.Inf(1)
	}
	last := in.floor[len(in.floor)-1]
	cost[last] = 0
	for j := last; j >= 0; j-- {
		p.first[j] = in.wait[j][0] + price*in.made[j][0] + cost[j]
		for i := j - 1; i >= in.floorBefore(j); i-- {
			if c := in.wait[j][i+1] + price*in.made[j][i+1] + cost[j]; c < cost[i] {
				cost[i], p.next[i] = c, j
			}
		}
	}
	return p
}

// floorBefore is the cell of the last floor check before a cell, 0 if there is none.
func (in inspection) floorBefore(j int) int {
	before := 0
	for _, f := range in.floor {
		if f < j {
			before = f
		}
	}
	return before
}

// checks is how many checks of a transaction a plan is expected to make.
func (in inspection) checks(p *Plan) (sum float64) {
	last := in.floor[len(in.floor)-1]
	for i, j := -1, p.firstFrom(0, in.floor[0]); ; i, j = j, p.next[j] {
		sum += in.made[j][i+1]
		if j >= last {
			return sum
		}
	}
}

// firstFrom is the cell at whose end to ask first, of those from one to another.
func (p *Plan) firstFrom(from, to int) int {
	best := to
	for j := to; j >= from; j-- {
		if p.first[j] < p.first[best] {
			best = j
		}
	}
	return best
}

// after is when to ask next, from sending: the last check was made at `checked`, 0 if there was none, it is now `now`, and
// the floor's next check comes at `floor`.
func (p *Plan) after(checked, now, floor time.Duration) time.Duration {
	if p == nil {
		return floor
	}
	if checked == 0 {
		to := min(cellOf(floor), cells-1)
		return min(max(cellEnd(p.firstFrom(min(cellOf(now), to), to)), now), floor)
	}
	at := cellEnd(p.next[min(cellOf(checked), cells-1)])
	if at <= checked { // where the plan ends, in the cell of the last floor check or with the last cell
		return floor
	}
	return min(max(at, now), floor)
}

// silence is how likely it is that a webhook hasn't come, by the time since the verdict, and how long that lasts.
type silence struct {
	chance []float64 // at the end of a cell
	sum    []float64 // of the seconds of silence up to the end of a cell
}

func newSilence(webhook []float64) silence {
	s := silence{make([]float64, cells), make([]float64, cells)}
	chance, sum, begin := 1.0, 0.0, time.Duration(0)
	for k := range cells {
		mean := chance - webhook[k]/2
		chance -= webhook[k]
		sum += mean * (cellEnd(k) - begin).Seconds()
		begin = cellEnd(k)
		s.chance[k], s.sum[k] = chance, sum
	}
	return s
}

// after is how likely there is silence after a time, and how long it has been expected to last until then, in seconds.
func (s silence) after(d time.Duration) (chance, seconds float64) {
	k := min(cellOf(d), cells-1)
	begin, chanceBefore, sumBefore := time.Duration(0), 1.0, 0.0
	if k > 0 {
		begin, chanceBefore, sumBefore = cellEnd(k-1), s.chance[k-1], s.sum[k-1]
	}
	part := float64(d-begin) / float64(cellEnd(k)-begin)
	chance = chanceBefore + part*(s.chance[k]-chanceBefore)
	return chance, sumBefore + (chanceBefore+chance)/2*(d-begin).Seconds()
}
