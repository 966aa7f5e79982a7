package load

import (
	"math"
	"testing"
)

// searchFor searches among rates that are sustained up to one, and returns what was found and how many were tried.
func searchFor(start, highest float64) (found, tries float64) {
	var s Search
	s.Saw(start, start <= highest)
	for rate, more := s.Next(); more; rate, more = s.Next() {
		s.Saw(rate, rate <= highest)
	}
	found, _ = s.Bounds()
	return found, float64(len(s.tried))
}

func TestASearchFindsTheHighestRate(t *testing.T) {
	for _, highest := range []float64{3, 99, 100, 101, 399, 730, 12345} {
		found, tries := searchFor(100, highest)
		if found > highest || found*within < highest {
			t.Errorf("the highest is %g, and %g was found", highest, found)
		}
		if most := 4 + math.Abs(math.Log2(highest/100)) + 1; tries > most {
			t.Errorf("%g took %g tries, more than %g", highest, tries, most)
		}
	}
}

func TestASearchGivesUpWhereNothingIsSustained(t *testing.T) {
	if found, tries := searchFor(100, 0); found != 0 || tries > 8 {
		t.Errorf("%g was found in %g tries", found, tries)
	}
}

// What another search has tried counts. A rate that was sustained above one that wasn't was luck.
func TestASearchKnowsWhatWasTried(t *testing.T) {
	var s Search
	for _, saw := range []try{{200, true}, {800, true}, {400, false}, {1600, false}} {
		s.Saw(saw.rate, saw.sustained)
	}
	if sustained, not := s.Bounds(); sustained != 200 || not != 400 {
		t.Errorf("between %g and %g", sustained, not)
	}
	if rate, more := s.Next(); !more || rate < 282 || rate > 283 {
		t.Errorf("next %g, %v; want their geometric mean", rate, more)
	}
	s.Saw(350, true)
	if rate, more := s.Next(); more {
		t.Errorf("350 and 400 are close enough, and %g would be tried", rate)
	}
}
