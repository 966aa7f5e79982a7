package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"verdict"
)

const (
	// clockTolerance is by how much the clocks of this machine and of the record's may differ: so much later than its turn
	// a check may leave, and instances take their turns by their own clocks. A smaller step goes unnoticed too.
	clockTolerance = time.Second

	// stepTold is how long a step of the clock is told of.
	stepTold = time.Hour
)

// clock watches over the time of this machine: whether it runs on evenly, and whether it is that of the record, where that
// has a clock of its own. By it checks are due, an early "not found" is told from a final one, and tokens expire.
type clock struct {
	record remoteClock // nil where the record has none of its own
	log    *slog.Logger

	mu    sync.Mutex // guards what follows
	wall  wallClock
	step  time.Duration // the last one
	until time.Time     // until when it is told

	steps  prometheus.Counter
	offset prometheus.Gauge
}

// remoteClock is what a store has whose server has a clock of its own.
type remoteClock interface {
	Now(ctx context.Context) (time.Time, error)
}

func newClock(store verdict.Store, log *slog.Logger) *clock {
	record, _ := store.(remoteClock)
	return &clock{
		record: record, log: log, wall: wallClock{began: time.Now()},
		steps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "verdict_clock_steps_total", Help: "How often this machine's clock was set forward or back by more than a second.",
		}),
		offset: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "verdict_clock_offset_seconds", Help: "This machine's clock less that of the record's, as it was last looked at; 0 if they are one.",
		}),
	}
}

// metrics returns the collectors of how the clock runs.
func (c *clock) metrics() []prometheus.Collector { return []prometheus.Collector{c.steps, c.offset} }

// check says what is wrong with the clock, and the mend.
func (c *clock) check(ctx context.Context) error {
	if err := c.even(time.Now()); err != nil || c.record == nil {
		return err
	}
	asked := time.Now()
	there, err := c.record.Now(ctx)
	if err != nil {
		return nil // which is told of the record
	}
	return c.compare(asked, time.Since(asked), there)
}

// even says whether the clock was set lately.
func (c *clock) even(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if step := c.wall.look(now.Round(0), now.Sub(c.wall.began)); step != 0 {
		c.step, c.until = step, now.Add(stepTold)
		c.steps.Inc()
		c.log.Error("this machine's clock was set", "by", step.String())
	}
	if !now.Before(c.until) {
		return nil
	}
	return fmt.Errorf("it was set %s within the hour, and what is due by it was late or early: have a time service (NTP) that slews it and doesn't set it, and look at what is for review",
		direction(c.step, "forward", "back"))
}

// compare says whether the record's clock is another, by an answer that took so long to come.
func (c *clock) compare(asked time.Time, took time.Duration, there time.Time) error {
	offset := asked.Add(took / 2).Sub(there)
	c.offset.Set(offset.Seconds())
	if offset.Abs()-took/2 <= clockTolerance {
		return nil
	}
	return fmt.Errorf("it is %s that of the record's machine, and turns of a partner's check budget are taken by it: have a time service (NTP) set both",
		direction(offset, "ahead of", "behind"))
}

func direction(d time.Duration, above, below string) string {
	if d < 0 {
		above = below
	}
	return d.Abs().Round(time.Millisecond).String() + " " + above
}

// wallClock tells whether a clock that people and time services set runs on like one that nobody can set.
type wallClock struct {
	began time.Time
	drift time.Duration // since then, at the last look
	after time.Duration // when that was
}

// look returns by how much the clock was set since the last look, 0 if it wasn't. A time service may slew it by a
// thousandth, twice what Linux's does at the most (adjtimex(2)).
func (w *wallClock) look(wall time.Time, elapsed time.Duration) (step time.Duration) {
	drift := wall.Sub(w.began.Round(0)) - elapsed
	step = drift - w.drift
	slewed := (elapsed - w.after) / 1000
	w.drift, w.after = drift, elapsed
	if step.Abs() <= clockTolerance+slewed {
		return 0
	}
	return step
}
