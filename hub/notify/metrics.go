package notify

import (
	"github.com/prometheus/client_golang/prometheus"

	"verdict"
)

// metrics tell how attempts fare. They name no tenant, owner or transaction.
type metrics struct {
	attempts *prometheus.CounterVec
	delay    prometheus.Histogram
}

func newMetrics(endpoints []Endpoint) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_notice_attempts_total", Help: "Attempts to tell a backend, by what came of them: taken, refused, gone or failed.",
		}, []string{"endpoint", "outcome"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "verdict_notice_delay_seconds", Help: "From a verdict to a backend having taken it for the first time.",
			Buckets: []float64{.005, .025, .1, .5, 1, 5, 15, 60, 600, 3600, 21600, 86400},
		}),
	}
	for _, e := range endpoints { // so that the first is seen as an increase
		for _, outcome := range []string{"taken", "refused", "gone", "failed"} {
			m.attempts.WithLabelValues(e.Name, outcome)
		}
	}
	return m
}

// Metrics returns the collectors of what the notifier counts.
func (n *Notifier) Metrics() []prometheus.Collector {
	return []prometheus.Collector{n.metrics.attempts, n.metrics.delay}
}

func (m *metrics) count(n verdict.Notice, r verdict.Receipt) {
	m.attempts.WithLabelValues(n.Endpoint, outcome(r)).Inc()
	if r.Taken && n.ToldAt.IsZero() {
		m.delay.Observe(r.At.Sub(n.SettledAt).Seconds())
	}
}

func outcome(r verdict.Receipt) string {
	switch {
	case r.Taken:
		return "taken"
	case r.Gone:
		return "gone"
	case r.Answered:
		return "refused"
	}
	return "failed"
}
