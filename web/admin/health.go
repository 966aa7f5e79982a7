package admin

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Concern is something that an instance can't do well without.
type Concern struct {
	Name  string
	Vital bool // without it no request can be kept, so this instance should get none

	// Check says what is wrong, and the mend. It should end when ctx does.
	Check func(ctx context.Context) error
}

// Health is how each concern stands.
type Health []Finding

// Finding is how a concern stands.
type Finding struct {
	Concern
	Err error // what is wrong, and the mend; nil if all is well
}

// healthTimeout bounds how long all concerns together may take to be looked at.
const healthTimeout = 2 * time.Second

// Health looks at all concerns: the record is the first, and those of the desk follow. That whoever asks gives up says nothing
// of us.
func (d *Desk) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
	defer cancel()
	health := Health{{Concern: Concern{"record", true, d.checkRecord}}}
	for _, c := range d.Concerns {
		health = append(health, Finding{Concern: c})
	}
	var looks sync.WaitGroup
	for i := range health {
		looks.Go(func() { health[i].Err = health[i].Check(ctx) })
	}
	looks.Wait()
	return health
}

func (d *Desk) checkRecord(ctx context.Context) error {
	if _, err := d.Store.LastEventID(ctx); err != nil {
		return fmt.Errorf("it doesn't answer: %w", err)
	}
	return nil
}

// Unready returns why the instance should get no requests, nil if it may.
func (h Health) Unready() error {
	for _, f := range h {
		if f.Vital && f.Err != nil {
			return fmt.Errorf("%s: %w", f.Name, f.Err)
		}
	}
	return nil
}

// String tells in a line each whether the instance is ready, and how its concerns stand.
func (h Health) String() string {
	var text strings.Builder
	text.WriteString("ready\n")
	if h.Unready() != nil {
		text.Reset()
		text.WriteString("not ready\n")
	}
	for _, f := range h {
		if f.Err == nil {
			fmt.Fprintf(&text, "%s: ok\n", f.Name)
		} else {
			fmt.Fprintf(&text, "%s: %v\n", f.Name, f.Err)
		}
	}
	return text.String()
}

// healthCollector looks at all concerns whenever Prometheus asks.
type healthCollector struct {
	desk    *Desk
	healthy *prometheus.Desc
}

func newHealthCollector(d *Desk) *healthCollector {
	return &healthCollector{d, prometheus.NewDesc("verdict_healthy", "1 if all is well with it; else 0, and /readyz says why and the mend.", []string{"concern"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *healthCollector) Describe(to chan<- *prometheus.Desc) { to <- c.healthy }

// Collect implements prometheus.Collector.
func (c *healthCollector) Collect(to chan<- prometheus.Metric) {
	for _, f := range c.desk.Health(context.Background()) {
		well := 0.0
		if f.Err == nil {
			well = 1
		}
		to <- prometheus.MustNewConstMetric(c.healthy, prometheus.GaugeValue, well, f.Name)
	}
}
