package relational

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func TestCommitsAreCountedWithWhatTheyStore(t *testing.T) {
	c := NewCommits()
	c.Note(1, time.Now())
	c.Note(7, time.Now().Add(-time.Second))
	if commits, changes := c.Stats(); commits != 2 || changes != 8 {
		t.Errorf("%d commits of %d changes", commits, changes)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.Metrics()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 2 {
			t.Errorf("%s: %d samples", f.GetName(), h.GetSampleCount())
		}
		sums[f.GetName()] = h.GetSampleSum()
	}
	if sums["verdict_commit_changes"] != 8 || sums["verdict_commit_seconds"] < 1 || sums["verdict_commit_seconds"] > 60 {
		t.Errorf("%v", sums)
	}
}
