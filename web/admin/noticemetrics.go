package admin

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// noticeCollector tells how it stands with telling backends whenever Prometheus asks. The labels are the endpoints' names in
// the configuration.
type noticeCollector struct {
	store                              Store
	pending, oldest, givenUp, disabled *prometheus.Desc
}

func newNoticeCollector(store Store) *noticeCollector {
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, []string{"endpoint"}, nil)
	}
	return &noticeCollector{
		store:    store,
		pending:  describe("verdict_notices_pending", "Verdicts that a backend is yet to be told."),
		oldest:   describe("verdict_notices_oldest_seconds", "How long ago the oldest of those became known; 0 if there is none."),
		givenUp:  describe("verdict_notices_given_up", "Verdicts that a backend was tried to be told to the end of the schedule."),
		disabled: describe("verdict_endpoint_disabled", "1 if a backend wants to be told nothing any more, until a person enables it."),
	}
}

// Describe implements prometheus.Collector.
func (c *noticeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.pending, c.oldest, c.givenUp, c.disabled} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *noticeCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), backlogTimeout)
	defer cancel()
	all, err := c.store.Endpoints(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.pending, err)
		return
	}
	for _, e := range all {
		gauge := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, e.Name)
		}
		gauge(c.pending, float64(e.Pending))
		gauge(c.givenUp, float64(e.GivenUp))
		var oldest, disabled float64
		if e.Pending > 0 {
			oldest = max(time.Since(e.Oldest).Seconds(), 0)
		}
		if e.Disabled() {
			disabled = 1
		}
		gauge(c.oldest, oldest)
		gauge(c.disabled, disabled)
	}
}
