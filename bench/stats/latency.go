// Package stats is the bench's arithmetic.
package stats

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Latency is a histogram of times from 1 µs to 60 s, exact to three digits. What is longer counts as 60 s.
type Latency struct{ h *hdrhistogram.Histogram }

const longest = 60 * time.Second

// NewLatency returns an empty histogram.
func NewLatency() Latency {
	return Latency{hdrhistogram.New(1, longest.Microseconds(), 3)}
}

// Record counts a time.
func (l Latency) Record(d time.Duration) {
	in := max(1, min(d, longest).Microseconds())
	if err := l.h.RecordValue(in); err != nil {
		panic(err) // it is within the bounds
	}
}

// Merge counts all that another histogram has counted.
func (l Latency) Merge(other Latency) {
	if dropped := l.h.Merge(other.h); dropped > 0 {
		panic("histograms of other bounds")
	}
}

// Count returns how many times were counted.
func (l Latency) Count() int64 { return l.h.TotalCount() }

// Quantiles of a histogram.
type Quantiles struct {
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
	P999  time.Duration `json:"p999_ns"`
	Max   time.Duration `json:"max_ns"`
}

// Quantiles returns those that are reported.
func (l Latency) Quantiles() Quantiles {
	at := func(q float64) time.Duration { return time.Duration(l.h.ValueAtQuantile(q)) * time.Microsecond }
	return Quantiles{Count: l.Count(), P50: at(50), P99: at(99), P999: at(99.9), Max: time.Duration(l.h.Max()) * time.Microsecond}
}
