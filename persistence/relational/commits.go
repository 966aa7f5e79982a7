package relational

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Commits counts the commits of a store: how many changes share one, and how long it takes until they are on disk.
type Commits struct {
	commits, changes atomic.Int64

	size prometheus.Histogram
	took prometheus.Histogram
}

// NewCommits returns a count of none.
func NewCommits() *Commits {
	return &Commits{
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "verdict_commit_changes", Help: "Changes that share a commit, and with it one sync of the disk.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "verdict_commit_seconds", Help: "From the first statement of a commit to its being on disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
}

// Note counts a commit of so many changes that began then and is on disk now.
func (c *Commits) Note(changes int, began time.Time) {
	c.commits.Add(1)
	c.changes.Add(int64(changes))
	c.size.Observe(float64(changes))
	c.took.Observe(time.Since(began).Seconds())
}

// Stats returns how many commits there were since the store was opened, and how many changes they stored together.
func (c *Commits) Stats() (commits, changes int64) { return c.commits.Load(), c.changes.Load() }

// Metrics returns the collectors of what is counted.
func (c *Commits) Metrics() []prometheus.Collector { return []prometheus.Collector{c.size, c.took} }
