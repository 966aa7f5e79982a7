package main

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"verdict"
	"verdict/persistence/archive"
)

type retentionConfig struct {
	Transactions time.Duration `koanf:"transactions"` // 0: for ever
	Archive      string        `koanf:"archive"`
}

// validate refuses to forget a transaction while its key is remembered: a repeat would have to be answered from it.
func (r retentionConfig) validate(keys keyConfig) error {
	switch {
	case r.Transactions == 0:
		return nil
	case r.Transactions <= keys.Retention || r.Transactions < time.Second:
		return fmt.Errorf("transactions: %s; give more than idempotency.retention (%s) and at least 1s, such as 90d, or 0d to keep them for ever",
			r.Transactions, keys.Retention)
	case r.Archive == "":
		return errors.New("archive: give the folder to archive to, such as data/archive")
	}
	return nil
}

// open returns what archives and forgets, or nil if everything is kept.
func (r retentionConfig) open(store verdict.Store, log *slog.Logger) (*verdict.Retention, error) {
	if r.Transactions == 0 {
		return nil, nil
	}
	forgetter, ok := store.(verdict.Forgetter)
	if !ok {
		return nil, errors.New("config: retention.transactions: this store forgets nothing; give 0d")
	}
	shelf, err := archive.Open(r.Archive)
	if err != nil {
		return nil, fmt.Errorf("config: retention.archive: %w", err)
	}
	return &verdict.Retention{Store: forgetter, Archive: shelf, For: r.Transactions, Log: log}, nil
}

// retentionMetrics count what a retention has done; nothing if there is none.
func retentionMetrics(r *verdict.Retention) []prometheus.Collector {
	if r == nil {
		return nil
	}
	counter := func(name, help string, n *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "verdict_retention_" + name, Help: help},
			func() float64 { return float64(n.Load()) })
	}
	return []prometheus.Collector{
		counter("archived_total", "Transactions and stray webhooks that were archived, repeats included.", &r.Archived),
		counter("deleted_total", "Of those, deleted from the record.", &r.Forgotten),
		counter("failures_total", "Passes that ended with an error; what they left comes in the next.", &r.Failures),
	}
}
