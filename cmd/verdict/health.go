package main

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"verdict/web/admin"
)

// concerns are what this instance can't do well without, besides the record.
func (g *gateway) concerns(d diskSpace, c *clock) []admin.Concern {
	return append([]admin.Concern{
		{Name: "instance", Vital: true, Check: func(context.Context) error { return g.ready() }},
		{Name: "stream", Check: func(context.Context) error { return g.streamUsable() }},
		{Name: "clock", Check: c.check},
	}, d.concerns()...)
}

// errStopping is why an instance that ends isn't ready.
var errStopping = errors.New("stopping")

// ready says why this instance should get no more requests.
func (g *gateway) ready() error {
	if g.stopping.Load() {
		return errStopping
	}
	return nil
}

func (g *gateway) streamUsable() error {
	if g.bus.Usable() {
		return nil
	}
	mend := "see whether there is room in " + g.config.Stream.Dir
	if g.config.Stream.URL != "" {
		mend = "see whether the NATS servers are up and reached, and whether they let us in"
	}
	return errors.New("commands and events can't be handed over: verdicts come later, and nothing is lost; " + mend)
}

// counting is what some ports can do besides: tell what they have counted.
type counting interface {
	Metrics() []prometheus.Collector
}

// counted are the collectors of what the parts of this instance count.
func (g *gateway) counted() []prometheus.Collector {
	all := append(g.flow.metrics(), g.web.Metrics()...)
	if store, ok := g.store.(counting); ok {
		all = append(all, store.Metrics()...)
	}
	return all
}
