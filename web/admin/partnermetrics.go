package admin

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"verdict"
)

// partnerCollector tells how each partner's checks stand. All instances tell the same of a partner, since they share its
// budget: don't add them up.
type partnerCollector struct {
	planner                                    *verdict.Planner
	circuit, refusals, price, hour, used, loss *prometheus.Desc
}

func newPartnerCollector(planner *verdict.Planner) *partnerCollector {
	describe := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("verdict_partner_"+name, help, append([]string{"provider"}, more...), nil)
	}
	return &partnerCollector{
		planner:  planner,
		circuit:  describe("circuit_open", "1 from a partner's refusal until it answers a check again; else 0."),
		refusals: describe("refusals_total", "Calls that the partner refused because there were too many, ever."),
		price:    describe("check_price_seconds", "So much of a user's waiting a planned check has to save."),
		hour:     describe("checks_last_hour", "Status checks of the last hour, by all instances."),
		used:     describe("check_budget_used_ratio", "Share of the check budget that is used, in its window or the last hour if that is shorter."),
		loss:     describe("webhook_loss_ratio", "Share of the webhooks that never come, once any was seen or missed.", "course"),
	}
}

// Describe implements prometheus.Collector.
func (c *partnerCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.circuit, c.refusals, c.price, c.hour, c.used, c.loss} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *partnerCollector) Collect(to chan<- prometheus.Metric) {
	for _, p := range c.planner.Prospects(time.Now()) {
		c.collect(to, p)
	}
}

func (c *partnerCollector) collect(to chan<- prometheus.Metric, p verdict.Prospect) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{p.Provider}, labels...)...)
	}
	open := 0.0
	if p.Circuit != verdict.CircuitClosed {
		open = 1
	}
	gauge(c.circuit, open)
	to <- prometheus.MustNewConstMetric(c.refusals, prometheus.CounterValue, float64(p.Refusals), p.Provider)
	gauge(c.hour, float64(p.Checks))
	gauge(c.used, p.Used)
	if p.Price > 0 {
		gauge(c.price, p.Price.Seconds())
	}
	for course, e := range map[string]verdict.Expectation{"answered": p.Answered, "unanswered": p.Unanswered} {
		if e.Webhooks > 0 {
			gauge(c.loss, e.Lost, course)
		}
	}
}
