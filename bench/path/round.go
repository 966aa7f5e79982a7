package path

import (
	"context"
	"errors"
	"time"

	"verdict/bench/app"
	"verdict/bench/fsync"
	"verdict/bench/load"
	"verdict/bench/measure"
	"verdict/bench/stats"
)

// Round is what a contender showed in one round.
type Round struct {
	Start     time.Duration `json:"start_ns"` // from the start of its process to its first answer
	Memory    int64         `json:"rss"`      // of it at rest, before the first request
	Up        time.Duration `json:"up_ns"`    // from its first answer until it was ended
	Points    []*Point      `json:"points"`   // at Options.Rates
	Sustained float64       `json:"sustained"`
	Fsyncs    float64       `json:"fsyncs"` // of a transaction at the first rate; below 0: not counted
}

// Point is what was seen at one rate.
type Point struct {
	Rate    float64       `json:"rate"`
	Refused int           `json:"refused"` // submits that were not answered with success
	Lost    int           `json:"lost"`    // accepted, and no verdict was pushed in time
	Cut     bool          `json:"cut"`     // given up: more than a second's submits were under way at once
	Submit  latency       `json:"submit"`  // from when a submit was due to its answer
	Push    latency       `json:"push"`    // from when a submit was due to the push of its verdict
	Late    latency       `json:"sender_late"`
	Behind  time.Duration `json:"behind_ns"` // how long after the last submit was due the last push came
	CPU     float64       `json:"cpu_ns"`    // the server's processor time of a transaction, beyond idleness
	err     error
	done    int
}

// latency is a histogram that is written as its quantiles.
type latency struct {
	stats.Latency `json:"-"`
	stats.Quantiles
}

func newLatency() latency { return latency{Latency: stats.NewLatency()} }

func (l *latency) finish() { l.Quantiles = l.Latency.Quantiles() }

func (p *Point) sustained() bool {
	return !p.Cut && p.Refused == 0 && p.Lost == 0 && p.Submit.P99 < promptly && p.Behind <= keepUp
}

// round is a Round under way.
type round struct {
	options Options
	world   *World
	process measure.Process
	users   *app.Users
	idle    time.Duration // processor time in a second of nothing
}

func (r *round) run(ctx context.Context, result *Round) (err error) {
	if _, err := r.point(ctx, r.options.Rates[0], warmUp); err != nil {
		return err
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	for _, rate := range r.options.Rates {
		p, err := r.point(ctx, rate, r.options.For)
		if err != nil {
			return err
		}
		result.Points = append(result.Points, p)
	}
	result.Fsyncs = -1
	if r.options.Strace {
		if result.Fsyncs, err = r.fsyncs(ctx); err != nil {
			return err
		}
	}
	if r.options.Search {
		result.Sustained, err = r.search(ctx, result.Points)
	}
	return err
}

// rest measures what the server takes while nothing happens.
func (r *round) rest(ctx context.Context) error {
	before, err := r.process.CPU()
	if err != nil {
		return err
	}
	if err := pause(ctx, still); err != nil {
		return err
	}
	after, err := r.process.CPU()
	r.idle = time.Duration(float64(after-before) / still.Seconds())
	return err
}

// point submits transactions at a rate for a time, and waits for what becomes of them.
func (r *round) point(ctx context.Context, rate float64, during time.Duration) (*Point, error) {
	schedule := load.Schedule{Rate: rate, Events: max(1, int(rate*during.Seconds()))}
	p := &Point{Rate: rate, Push: newLatency()}
	first := r.world.Numbers(schedule.Events)
	arrived := app.NewArrivals(first, schedule.Events)
	r.users.Await(arrived)
	before, err := r.process.CPU()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	o := schedule.Open(ctx, start, func(event int) error { return r.users.Submit(first + int64(event)) })
	p.Submit.Latency, p.Late.Latency, p.Refused, p.Cut, p.done, p.err = o.Latency, o.Late, o.Failed, o.Cut, o.Done, o.Err
	p.Lost = arrived.Await(ctx, p.done, time.Now().Add(patience))
	if last := arrived.Last(); last.After(start.Add(schedule.At(o.Begun))) {
		p.Behind = last.Sub(start.Add(schedule.At(o.Begun)))
	}
	if err := pause(ctx, tail); err != nil {
		return nil, err
	}
	after, err := r.process.CPU()
	if err != nil {
		return nil, err
	}
	idle := time.Duration(float64(r.idle) * time.Since(start).Seconds())
	p.CPU = float64(after-before-idle) / float64(max(1, p.done))
	for event := range o.Begun {
		if at, ok := arrived.At(first + int64(event)); ok {
			p.Push.Record(at.Sub(start.Add(schedule.At(event))))
		}
	}
	for _, l := range []*latency{&p.Submit, &p.Push, &p.Late} {
		l.finish()
	}
	return p, r.users.Trouble()
}

// fsyncs counts those of a transaction at the first rate. strace slows the server down, so nothing else is taken from this.
func (r *round) fsyncs(ctx context.Context) (float64, error) {
	counter, err := fsync.Count(ctx, r.process)
	if errors.Is(err, fsync.ErrMissing) {
		return -1, nil
	}
	if err != nil {
		return 0, err
	}
	p, err := r.point(ctx, r.options.Rates[0], r.options.For)
	count, counting := counter.Stop()
	return float64(count) / float64(max(1, p.done)), errors.Join(err, counting)
}

// search looks for the highest rate that is sustained. What was measured counts.
func (r *round) search(ctx context.Context, measured []*Point) (float64, error) {
	var s load.Search
	for _, p := range measured {
		s.Saw(p.Rate, p.sustained())
	}
	for rate, more := s.Next(); more; rate, more = s.Next() {
		p, err := r.point(ctx, rate, step)
		if err != nil {
			return 0, err
		}
		s.Saw(rate, p.sustained())
	}
	sustained, _ := s.Bounds()
	return sustained, nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
