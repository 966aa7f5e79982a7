package admin

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of a scrape.
const (
	backlogTimeout = 5 * time.Second // of counting what is not done
	maxScrapes     = 4               // at once; more are answered with 503
)

// Metrics returns the handler of GET /metrics for Prometheus. It names no tenant, owner or transaction. While the record
// doesn't answer, the metrics of the backlog are missing and the others are told: those of the partners as they were.
func (d *Desk) Metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(), newBacklogCollector(d.Store), newPartnerCollector(d.Settler.Planner),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "verdict_stream_usable", Help: "1 if commands and events can be handed over; else verdicts come later.",
		}, d.streamUsable),
	)
	registry.MustRegister(d.Push...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
		Registry: registry, MaxRequestsInFlight: maxScrapes,
	})
}

func (d *Desk) streamUsable() float64 {
	if d.StreamUsable() {
		return 1
	}
	return 0
}

// backlogCollector counts what is not done whenever Prometheus asks.
type backlogCollector struct {
	store                               Store
	conflicts, review, commands, parked *prometheus.Desc
}

func newBacklogCollector(store Store) *backlogCollector {
	describe := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &backlogCollector{
		store:     store,
		conflicts: describe("verdict_conflicts", "Pieces of evidence that contradict a verdict, ever."),
		review:    describe("verdict_review_transactions", "Transactions that are for review by a person."),
		commands:  describe("verdict_outbox_commands", "Transactions with a next step, due or not yet."),
		parked:    describe("verdict_parked_webhooks", "Webhooks whose transaction is not known."),
	}
}

// Describe implements prometheus.Collector.
func (c *backlogCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.conflicts, c.review, c.commands, c.parked} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *backlogCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	b, err := c.store.Backlog(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.conflicts, err)
		return
	}
	gauge := func(d *prometheus.Desc, n int) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	gauge(c.conflicts, b.Conflicts)
	gauge(c.review, b.Review)
	gauge(c.commands, b.Commands)
	gauge(c.parked, b.Parked)
}
