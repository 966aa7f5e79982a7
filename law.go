package verdict

import (
	"encoding/json"
	"math"
	"slices"
	"time"
)

// Times from sending are counted in cells that grow by a sixteenth of an octave: cell k ends at firstCell * 2^(k/16), and
// whatever is longer than the last cell, some 18 hours, lies beyond.
const (
	firstCell      = 250 * time.Millisecond
	cellsPerOctave = 16
	cells          = 18*cellsPerOctave + 1
	beyond         = cells // the cell of what takes longer, or never comes
)

// cellEnds are the longest times of the cells.
var cellEnds = func() (ends [cells]time.Duration) {
	for k := range ends {
		ends[k] = time.Duration(float64(firstCell) * math.Exp2(float64(k)/cellsPerOctave))
	}
	return ends
}()

// cellEnd is the longest time of a cell.
func cellEnd(k int) time.Duration { return cellEnds[k] }

// cellMiddle is the middle of a cell.
func cellMiddle(k int) time.Duration {
	return (cellEnds[max(k-1, 0)]*time.Duration(min(k, 1)) + cellEnds[k]) / 2
}

// cellOf is the cell of a time.
func cellOf(d time.Duration) int {
	k, _ := slices.BinarySearch(cellEnds[:], d)
	return k
}

// Law is what has been seen of a time that nobody could watch: that it lay between two moments at which we looked. It
// counts how often it lay between which, in cells. Old sightings fade as new ones come.
type Law struct {
	seen map[span]float64
}

// span says that a time lay in a cell after `after` and up to `upTo`; after is -1 if nothing is known from below. If the
// two are the same the time is exact.
type span struct{ after, upTo int }

// memory is after how many sightings an old one counts 1/e.
const memory = 700

// saw adds a sighting: the time was longer than `after` and no longer than `upTo`; 0 for after if nothing is known from
// below. Forever for upTo says that it had not come.
func (l *Law) saw(after, upTo time.Duration) {
	s := span{-1, bound(upTo)}
	if after > 0 {
		s.after = min(bound(after), s.upTo-1)
	}
	l.add(s, 1)
}

// bound is the cell whose end is nearest to a time. We look shortly after the end of a cell that was chosen to look at:
// counted up to the next, all that we see would seem to take longer.
func bound(d time.Duration) int {
	k := cellOf(d)
	if 0 < k && k < cells && d < cellMiddle(k) {
		return k - 1
	}
	return k
}

// sawAt adds an exact sighting.
func (l *Law) sawAt(d time.Duration) { l.add(span{cellOf(d), cellOf(d)}, 1) }

func (l *Law) add(s span, weight float64) {
	if l.seen == nil {
		l.seen = map[span]float64{}
	}
	l.seen[s] += weight
}

// forever is the upper end of a time that had not come.
const forever = time.Duration(math.MaxInt64)

// weight is how many sightings count.
func (l Law) weight() (sum float64) {
	for _, w := range l.seen {
		sum += w
	}
	return sum
}

// with returns the law after more was seen.
func (l Law) with(more Law) Law {
	if len(more.seen) == 0 {
		return l
	}
	fade := math.Exp(-more.weight() / memory)
	var sum Law
	for s, w := range l.seen {
		if w *= fade; w > 1e-3 {
			sum.add(s, w)
		}
	}
	for s, w := range more.seen {
		sum.add(s, w)
	}
	return sum
}

// MarshalJSON writes the sightings as [after, upTo, weight] each.
func (l Law) MarshalJSON() ([]byte, error) {
	rows := make([][3]float64, 0, len(l.seen))
	for s, w := range l.seen {
		rows = append(rows, [3]float64{float64(s.after), float64(s.upTo), w})
	}
	return json.Marshal(rows)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (l *Law) UnmarshalJSON(text []byte) error {
	var rows [][3]float64
	if err := json.Unmarshal(text, &rows); err != nil {
		return err
	}
	*l = Law{}
	for _, r := range rows {
		l.add(span{int(r[0]), int(r[1])}, r[2])
	}
	return nil
}

// density is how likely each cell is, and last that the time lies beyond them all: the most likely law behind the
// sightings (Turnbull's self-consistent estimate, 1976), with a prior that counts as much as priorWeight sightings. The
// steps to it are few, so that what the sightings leave open stays as the prior has it. Exact sightings stand for
// themselves: spread like others they would draw to them all that may have been there.
func (l Law) density(prior []float64) []float64 {
	p := append([]float64(nil), prior...)
	for range estimateSteps {
		p = l.improve(p, prior)
	}
	exact, sum := l.exact()
	all := l.weight() + priorWeight
	for k := range p {
		p[k] = (p[k]*(all-sum) + exact[k]) / all
	}
	return p
}

// exact is the weight of the exact sightings by cell, and of all of them.
func (l Law) exact() (exact map[int]float64, sum float64) {
	exact = map[int]float64{}
	for s, w := range l.seen {
		if s.after == s.upTo {
			exact[s.upTo] += w
			sum += w
		}
	}
	return exact, sum
}

const (
	estimateSteps = 30
	priorWeight   = 10
)

// improve spreads each sighting over its cells as likely as they are by p, and returns the share of each cell.
func (l Law) improve(p, prior []float64) []float64 {
	total := make([]float64, len(p)+1) // of the cells before
	for k := range p {
		total[k+1] = total[k] + p[k]
	}
	rise := make([]float64, len(p)+1) // weights that begin or end at a cell
	for s, w := range l.seen {
		first, last := s.after+1, min(s.upTo, beyond)
		if first > last {
			continue // exact
		}
		mass := total[last+1] - total[first]
		if mass < 1e-12 {
			continue // impossible by p, which the prior doesn't let happen for long
		}
		rise[first] += w / mass
		rise[last+1] -= w / mass
	}
	next := make([]float64, len(p))
	var sum, density float64
	for k := range p {
		density += rise[k]
		next[k] = p[k]*max(density, 0) + priorWeight*prior[k]
		sum += next[k]
	}
	for k := range next {
		next[k] /= sum
	}
	return next
}
