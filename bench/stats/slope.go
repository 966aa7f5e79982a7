package stats

// Slope returns by how much a series grows with each step, by the median of the slopes between all pairs (Theil and Sen): a
// saw of garbage collections, or a few samples that are far off, don't tilt it. It is 0 for fewer than two values.
func Slope(series []float64) float64 {
	var slopes []float64
	for i := range series {
		for j := i + 1; j < len(series); j++ {
			slopes = append(slopes, (series[j]-series[i])/float64(j-i))
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	return Summarize(slopes).Median
}
