package main

import (
	"cmp"
	"math"
	"slices"

	"verdict/web/admin"
)

// axis is a logarithmic scale of times from sending, in milliseconds.
type axis struct{ from, to float64 }

const (
	hardly    = 0.01 // the share of verdicts that may stand before an axis begins
	headStart = 1.2  // how much sooner it begins than there is anything to see
)

// newAxis returns the scale on which courses are drawn: from when the first verdicts stand, or a check is made, to the
// last check.
func newAxis(list []course) axis {
	a := axis{math.Inf(1), 0}
	for _, c := range list {
		if first, ok := c.within(hardly); ok {
			a.from = min(a.from, float64(first))
		}
		for _, way := range c.ways() {
			a.from = min(a.from, float64(way.Checks[0].AtMS))
			a.to = max(a.to, float64(way.Checks[len(way.Checks)-1].AtMS))
		}
	}
	a.from /= headStart
	return a
}

// at is where a time lies on the axis: 0 is its beginning and 1 its end.
func (a axis) at(ms float64) float64 { return math.Log(ms/a.from) / math.Log(a.to/a.from) }

// tick is a time that is named beneath an axis.
type tick struct {
	at   float64
	name string
}

// ticks are the round times on the axis.
func (a axis) ticks() (list []tick) {
	const second, minute, hour = 1000, 60_000, 3_600_000
	for _, ms := range []int64{
		10, 20, 50, 100, 200, 500, second, 2 * second, 5 * second, 10 * second, 30 * second, minute, 2 * minute, 5 * minute,
		10 * minute, 30 * minute, hour, 2 * hour, 6 * hour, 12 * hour, 24 * hour,
	} {
		if at := a.at(float64(ms)); at >= 0 && at <= 1 {
			list = append(list, tick{at, span(ms)})
		}
	}
	return list
}

// reach is where a portion begins and ends on the axis. What lies before the axis begins with it.
func (a axis) reach(p admin.Portion) (begin, end float64) {
	return a.at(max(float64(p.AfterMS), a.from)), a.at(max(float64(p.ByMS), a.from))
}

// density is how thick a portion lies on the axis: its share by its length there.
func (a axis) density(p admin.Portion) float64 {
	begin, end := a.reach(p)
	return p.Share / (end - begin)
}

// inside are the portions that lie on the axis as a whole, the thickest last.
func (a axis) inside(settle []admin.Portion) []admin.Portion {
	list := slices.DeleteFunc(slices.Clone(settle), func(p admin.Portion) bool {
		return p.Share == 0 || float64(p.AfterMS) < a.from || float64(p.ByMS) > a.to
	})
	slices.SortFunc(list, func(p, q admin.Portion) int { return cmp.Compare(a.density(p), a.density(q)) })
	return list
}

// full is the density that fills the height of a chart. Where many verdicts stand at one time these lie so thick that no
// others would be seen beside them: so the thickest portions don't count.
func (a axis) full(settle []admin.Portion) float64 {
	list := a.inside(settle)
	if len(list) < 3 {
		return 1
	}
	return min(1.5*a.density(list[len(list)-3]), a.density(list[len(list)-1]))
}

// spike is the thickest portion, if it is higher than the chart.
func (a axis) spike(settle []admin.Portion) (p admin.Portion, cut bool) {
	list := a.inside(settle)
	if len(list) == 0 {
		return admin.Portion{}, false
	}
	p = list[len(list)-1]
	return p, a.density(p) > a.full(settle)
}

// heights are how high the verdicts stand in n equal parts of the axis, of 1. What stands before the axis begins counts
// to the first part.
func (a axis) heights(settle []admin.Portion, n int) []float64 {
	heights := make([]float64, n)
	full := a.full(settle) / float64(n)
	for _, p := range settle {
		begin, end := a.reach(p)
		begin, end = begin*float64(n), max(end, begin+1e-9)*float64(n)
		for k := int(begin); k < n && float64(k) < end; k++ {
			part := min(end, float64(k+1)) - max(begin, float64(k))
			heights[k] += p.Share * part / (end - begin) / full
		}
	}
	for k := range heights {
		heights[k] = min(heights[k], 1)
	}
	return heights
}
