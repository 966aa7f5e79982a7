package scale

import (
	"math"
	"testing"
)

// run searches among rates that are sustained up to one, and returns what was found and how many were tried.
func run(start, highest float64) (found, tries float64) {
	var s search
	s.saw(start, start <= highest)
	for rate, more := s.next(); more; rate, more = s.next() {
		s.saw(rate, rate <= highest)
	}
	found, _ = s.bounds()
	return found, float64(len(s.tried))
}

func TestASearchFindsTheHighestRate(t *testing.T) {
	for _, highest := range []float64{3, 99, 100, 101, 399, 730, 12345} {
		found, tries := run(100, highest)
		if found > highest || found*within < highest {
			t.Errorf("the highest is %g, and %g was found", highest, found)
		}
		if most := 4 + math.Abs(math.Log2(highest/100)) + 1; tries > most {
			t.Errorf("%g took %g tries, more than %g", highest, tries, most)
		}
	}
}

func TestASearchGivesUpWhereNothingIsSustained(t *testing.T) {
	if found, tries := run(100, 0); found != 0 || tries > 8 {
		t.Errorf("%g was found in %g tries", found, tries)
	}
}

// What another search has tried counts. A rate that was sustained above one that wasn't was luck.
func TestASearchKnowsWhatWasTried(t *testing.T) {
	var s search
	for _, saw := range []try{{200, true}, {800, true}, {400, false}, {1600, false}} {
		s.saw(saw.rate, saw.sustained)
	}
	if sustained, not := s.bounds(); sustained != 200 || not != 400 {
		t.Errorf("between %g and %g", sustained, not)
	}
	if rate, more := s.next(); !more || rate < 282 || rate > 283 {
		t.Errorf("next %g, %v; want their geometric mean", rate, more)
	}
	s.saw(350, true)
	if rate, more := s.next(); more {
		t.Errorf("350 and 400 are close enough, and %g would be tried", rate)
	}
}
