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
		collectors.NewBuildInfoCollector(), newBacklogCollector(d.Store), newPartnerCollector(d.Settler.Planner), newNoticeCollector(d.Store),
		newHealthCollector(d),
	)
	registry.MustRegister(d.Counted...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
		Registry: registry, MaxRequestsInFlight: maxScrapes,
	})
}

// backlogCollector counts what is not done whenever Prometheus asks.
type backlogCollector struct {
	store                                             Store
	conflicts, review, commands, due, overdue, parked *prometheus.Desc
}

func newBacklogCollector(store Store) *backlogCollector {
	describe := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &backlogCollector{
		store:     store,
		conflicts: describe("verdict_conflicts", "Pieces of evidence that contradict a verdict, ever."),
		review:    describe("verdict_review_transactions", "Transactions that are for review by a person."),
		commands:  describe("verdict_outbox_commands", "Transactions with a next step, due or not yet."),
		due:       describe("verdict_outbox_due_commands", "Transactions whose next step is due, under way or not."),
		overdue:   describe("verdict_outbox_overdue_seconds", "How long the step that waits longest has been due; 0 if none is."),
		parked:    describe("verdict_parked_webhooks", "Webhooks whose transaction is not known."),
	}
}

// Describe implements prometheus.Collector.
func (c *backlogCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.conflicts, c.review, c.commands, c.due, c.overdue, c.parked} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *backlogCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	now := time.Now()
	b, err := c.store.Backlog(ctx, now)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.conflicts, err)
		return
	}
	gauge := func(d *prometheus.Desc, n int) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n))
	}
	var overdue time.Duration
	if b.Due > 0 {
		overdue = now.Sub(b.DueSince)
	}
	to <- prometheus.MustNewConstMetric(c.overdue, prometheus.GaugeValue, overdue.Seconds())
	gauge(c.conflicts, b.Conflicts)
	gauge(c.review, b.Review)
	gauge(c.commands, b.Commands)
	gauge(c.due, b.Due)
	gauge(c.parked, b.Parked)
}
