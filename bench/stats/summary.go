package stats

import "slices"

// Summary is a median and how far apart the values lie.
type Summary struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// Summarize returns the summary of at least one value. Between two in the middle the median is their mean.
func Summarize(values []float64) Summary {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return Summary{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// Ratios summarizes ours over theirs, round by round: what slows a round down slows both. It is not the ratio of the
// medians. A round in which theirs is zero doesn't count; ok is false if none counts.
func Ratios(ours, theirs []float64) (s Summary, ok bool) {
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] != 0 {
			ratios = append(ratios, ours[i]/theirs[i])
		}
	}
	if len(ratios) == 0 {
		return Summary{}, false
	}
	return Summarize(ratios), true
}
