package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"verdict"
)

// flow counts what is heard of transactions, and what becomes of them. It names no tenant, owner or transaction.
type flow struct {
	evidence *prometheus.CounterVec
	answers  *prometheus.HistogramVec
	verdicts *prometheus.CounterVec
	settled  *prometheus.HistogramVec
}

// newFlow returns a flow of which nothing is counted yet. All that may be is told as 0, so that the first of each is seen as
// an increase.
func newFlow(providers map[string]verdict.Provider) *flow {
	const provider, source = "provider", "source"
	f := &flow{
		evidence: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_evidence_total", Help: "What was heard of transactions, by where it came from and what it said.",
		}, []string{provider, source, "outcome"}),
		answers: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "verdict_partner_answer_seconds", Help: "From a call of the partner to its answer, or to our giving up.",
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60},
		}, []string{provider, source}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "verdict_verdicts_total", Help: "Verdicts, by the evidence that brought them.",
		}, []string{provider, source, "status"}),
		settled: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "verdict_settle_seconds", Help: "From a request's being accepted to its verdict, by the evidence that brought it.",
			Buckets: []float64{.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400},
		}, []string{provider, source}),
	}
	for name := range providers {
		for _, s := range verdict.Sources() {
			f.begin(name, s)
		}
	}
	return f
}

func (f *flow) begin(provider string, from verdict.Source) {
	source := string(from)
	for _, o := range verdict.Outcomes() {
		f.evidence.WithLabelValues(provider, source, string(o))
	}
	for _, status := range []verdict.Status{verdict.Succeeded, verdict.Failed} {
		f.verdicts.WithLabelValues(provider, source, string(status))
	}
	f.settled.WithLabelValues(provider, source)
	if from == verdict.SourceReply || from == verdict.SourceCheck {
		f.answers.WithLabelValues(provider, source)
	}
}

func (f *flow) metrics() []prometheus.Collector {
	return []prometheus.Collector{f.evidence, f.answers, f.verdicts, f.settled}
}

// heard counts a piece of evidence that is on record, and the verdict if it has brought one.
func (f *flow) heard(before, next verdict.Transaction, e verdict.Evidence) {
	provider, source := next.Provider, string(e.Source)
	f.evidence.WithLabelValues(provider, source, string(e.Outcome)).Inc()
	if !e.Asked.IsZero() {
		f.answers.WithLabelValues(provider, source).Observe(e.At.Sub(e.Asked).Seconds())
	}
	if next.Settled() && !before.Settled() {
		f.verdicts.WithLabelValues(provider, source, string(next.Status)).Inc()
		f.settled.WithLabelValues(provider, source).Observe(next.SettledAt.Sub(next.CreatedAt).Seconds())
	}
}
