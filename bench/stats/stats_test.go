package stats

import (
	"math"
	"testing"
	"time"
)

func TestQuantiles(t *testing.T) {
	l := NewLatency()
	for i := range 1000 {
		l.Record(time.Duration(i+1) * time.Millisecond)
	}
	q := l.Quantiles()
	for _, c := range []struct {
		name      string
		got, want time.Duration
	}{{"p50", q.P50, 500 * time.Millisecond}, {"p99", q.P99, 990 * time.Millisecond}, {"p99.9", q.P999, 999 * time.Millisecond}, {"most", q.Max, time.Second}} {
		if off := math.Abs(float64(c.got-c.want)) / float64(c.want); off > 0.001 {
			t.Errorf("%s is %s, want %s to three digits", c.name, c.got, c.want)
		}
	}
	if q.Count != 1000 {
		t.Errorf("%d were counted", q.Count)
	}
}

// Quantiles of rounds together come from all that was counted; the mean of quantiles would say something else.
func TestHistogramsMerge(t *testing.T) {
	fast, slow, both := NewLatency(), NewLatency(), NewLatency()
	for range 90 {
		fast.Record(time.Millisecond)
	}
	for range 10 {
		slow.Record(time.Second)
	}
	both.Merge(fast)
	both.Merge(slow)
	q := both.Quantiles()
	if q.Count != 100 || q.P50.Round(time.Millisecond) != time.Millisecond || q.P99.Round(10*time.Millisecond) != time.Second {
		t.Errorf("together they are %+v", q)
	}
	if fast.Count() != 90 || slow.Count() != 10 {
		t.Errorf("merging changed what was merged: %d and %d", fast.Count(), slow.Count())
	}
}

func TestWhatIsOutOfBoundsCountsAsTheBound(t *testing.T) {
	l := NewLatency()
	l.Record(-time.Second)
	l.Record(time.Hour)
	if q := l.Quantiles(); q.Count != 2 || q.P50 > time.Microsecond || q.Max.Round(time.Second) != time.Minute {
		t.Errorf("they count as %+v", q)
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Summary
	}{
		{[]float64{7}, Summary{7, 7, 7}},
		{[]float64{9, 1, 2}, Summary{2, 1, 9}},
		{[]float64{4, 1, 3, 100}, Summary{3.5, 1, 100}},
	} {
		if got := Summarize(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

// The machine was slow in the second round for both: the ratio of the medians would say 2 or 4 by chance.
func TestRatiosAreOfRounds(t *testing.T) {
	got, ok := Ratios([]float64{2, 20, 6}, []float64{1, 10, 3})
	if want := (Summary{2, 2, 2}); !ok || got != want {
		t.Errorf("%v, want %v", got, want)
	}
	got, ok = Ratios([]float64{2, 8, 9}, []float64{1, 2, 0})
	if want := (Summary{3, 2, 4}); !ok || got != want {
		t.Errorf("with a zero: %v, want %v", got, want)
	}
	if _, ok := Ratios([]float64{1}, []float64{0}); ok {
		t.Error("a ratio to nothing")
	}
	if _, ok := Ratios(nil, nil); ok {
		t.Error("a ratio of nothing")
	}
}

func TestSlopes(t *testing.T) {
	saw := make([]float64, 100)
	for i := range saw {
		saw[i] = 100 + 3*float64(i) + 50*float64(i%10) // it grows by 3, and is sawed
	}
	saw[50] = 1e9
	for _, c := range []struct {
		series    []float64
		least, to float64
	}{{nil, 0, 0}, {[]float64{7}, 0, 0}, {[]float64{1, 3, 5}, 2, 2}, {[]float64{5, 5, 900, 5, 5}, 0, 0}, {saw, 2.5, 4}} {
		if got := Slope(c.series); got < c.least || got > c.to {
			t.Errorf("%v: %g, want %g to %g", c.series, got, c.least, c.to)
		}
	}
}
