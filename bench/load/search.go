package load

import "math"

// within is how far apart the highest rate that is sustained and the lowest that isn't may be.
const within = 1.2

// A Search is for the highest rate that is sustained. Beginning with what it saw first, it doubles the rate until one isn't
// sustained, or halves it until one is, and then tries between.
type Search struct{ tried []try }

// try is a rate that was tried.
type try struct {
	rate      float64
	sustained bool
}

// Saw adds a rate that was tried.
func (s *Search) Saw(rate float64, sustained bool) { s.tried = append(s.tried, try{rate, sustained}) }

// Bounds returns the highest rate that was sustained, below the lowest that wasn't; 0 and infinity if there are none. A rate
// that was sustained above one that wasn't doesn't count: that was luck.
func (s *Search) Bounds() (sustained, not float64) {
	not = math.Inf(1)
	for _, t := range s.tried {
		if !t.sustained {
			not = min(not, t.rate)
		}
	}
	for _, t := range s.tried {
		if t.sustained && t.rate < not {
			sustained = max(sustained, t.rate)
		}
	}
	return sustained, not
}

// Next returns the rate to try next, after it saw one; more is false when the bounds are close enough, or not even a rate of 1
// is sustained.
func (s *Search) Next() (rate float64, more bool) {
	sustained, not := s.Bounds()
	switch {
	case math.IsInf(not, 1):
		return 2 * sustained, true
	case sustained == 0:
		return not / 2, not >= 2
	}
	return math.Sqrt(sustained * not), not > sustained*within
}
