package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"verdict"
)

// requestMetrics tell how requests are answered. They name no tenant, owner or transaction.
type requestMetrics struct {
	submits  *prometheus.CounterVec
	acks     prometheus.Histogram
	refusals *prometheus.CounterVec
}

// newRequestMetrics tells of each partner and of each kind of problem from the start, so that the first is seen as an increase.
func newRequestMetrics(providers map[string]verdict.Provider) *requestMetrics {
	m := &requestMetrics{
		submits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_submits_total", Help: "Submits that are on record: accepted, or replayed because they were before.",
		}, []string{"provider", "answer"}),
		acks: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "verdict_acknowledge_seconds", Help: "From having read a submit that is accepted to its being on disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_refusals_total", Help: "Requests and messages that were refused, by the kind of problem they were told.",
		}, []string{"kind"}),
	}
	for provider := range providers {
		m.submits.WithLabelValues(provider, "accepted")
		m.submits.WithLabelValues(provider, "replayed")
	}
	for _, k := range kinds() {
		m.refusals.WithLabelValues(k.slug)
	}
	return m
}

func (m *requestMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.submits, m.acks, m.refusals}
}

// submitted counts a submit that is on record, and was read at began.
func (m *requestMetrics) submitted(t verdict.Transaction, replayed bool, began time.Time) {
	if replayed {
		m.submits.WithLabelValues(t.Provider, "replayed").Inc()
		return
	}
	m.submits.WithLabelValues(t.Provider, "accepted").Inc()
	m.acks.Observe(time.Since(began).Seconds())
}

// refused counts a problem that a client is told of.
func (m *requestMetrics) refused(p problem) { m.refusals.WithLabelValues(p.slug).Inc() }
