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
	return &metrics{
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
}

// Metrics returns the collectors of what the server counts.
func (s *Server) Metrics() []prometheus.Collector {
	m := s.metrics
	return []prometheus.Collector{m.open, m.refused, m.ended, m.events, m.delay, m.confirmed, m.confirmDelay, m.refusedRequests}
}

// cause names why a line has ended.
func cause(why error) string {
	for name, known := range map[string]error{
		"told": errTold, "slow": errSlow, "stopping": errStop, "expired": errExpired, "record": errRecord,
	} {
		if errors.Is(why, known) {
			return name
		}
	}
	return "gone"
}
