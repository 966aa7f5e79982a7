package web

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics tell how streams fare, and what was refused. They name no tenant, owner or transaction.
type metrics struct {
	open         *prometheus.GaugeVec
	refused      *prometheus.CounterVec
	ended        *prometheus.CounterVec
	events       *prometheus.CounterVec
	delay        prometheus.Histogram
	confirmed    prometheus.Counter
	confirmDelay prometheus.Histogram

	refusedRequests *prometheus.CounterVec
}

func newMetrics() *metrics {
	const transport = "transport"
	m := &metrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "verdict_push_streams", Help: "Open streams.",
		}, []string{transport}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_push_refused_total", Help: "Streams that were sent away, by the limit they would have exceeded.",
		}, []string{transport, "limit"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_push_ended_total", Help: "Streams that have ended, by cause.",
		}, []string{transport, "cause"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_push_verdicts_total", Help: "Verdicts that were handed to the network towards an app, repeats included.",
		}, []string{transport}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "verdict_push_delay_seconds", Help: "From a verdict to its event being handed to the network, where an app was listening.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		confirmed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "verdict_push_confirmed_total", Help: "Verdicts that an app has confirmed.",
		}),
		confirmDelay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "verdict_push_confirm_delay_seconds", Help: "From the first telling of a verdict to its confirmation.",
			Buckets: []float64{.05, .25, 1, 5, 30, 120, 600, 3600, 86400},
		}),
		refusedRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_http_requests_refused_total", Help: "Requests that were sent away before anything was stored, by the limit they would have exceeded.",
		}, []string{"limit"}),
	}
	m.begin()
	return m
}

// begin has what may be counted be told as 0, so that the first is seen as an increase.
func (m *metrics) begin() {
	for _, limit := range []string{"user", "tenant", "address", "bodies"} { // see rates
		m.refusedRequests.WithLabelValues(limit)
	}
	for _, transport := range []string{"sse", "ws"} {
		m.open.WithLabelValues(transport)
		m.events.WithLabelValues(transport)
		for _, limit := range []string{"stopping", "instance", "user", "tenant", "address", "rate"} { // see seats.refuse
			m.refused.WithLabelValues(transport, limit)
		}
		for name := range causes() {
			m.ended.WithLabelValues(transport, name)
		}
	}
}

// Metrics returns the collectors of what the server counts.
func (s *Server) Metrics() []prometheus.Collector {
	m := s.metrics
	return append(s.requests.all(), m.open, m.refused, m.ended, m.events, m.delay, m.confirmed, m.confirmDelay, m.refusedRequests)
}

// causes are why lines end, by the names they are counted by.
func causes() map[string]error {
	return map[string]error{
		"told": errTold, "slow": errSlow, "stopping": errStop, "expired": errExpired, "record": errRecord, "gone": errGone,
	}
}

// cause names why a line has ended.
func cause(why error) string {
	for name, known := range causes() {
		if errors.Is(why, known) {
			return name
		}
	}
	return "gone"
}
