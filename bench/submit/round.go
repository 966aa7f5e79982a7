package submit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"verdict/bench/load"
	"verdict/bench/stats"
)

// Round is what a contender showed in one round.
type Round struct {
	Open      Open      `json:"open"`      // at Options.Rate
	Highest   []float64 `json:"highest"`   // submits a second of each closed loop
	Saturated []float64 `json:"cpu_ns"`    // the server's processor time of a submit in each closed loop
	Sustained float64   `json:"sustained"` // highest rate of an open loop; 0: not searched for, or none
	Trouble   string    `json:"trouble,omitempty"`
}

// Open is what an open loop saw.
type Open struct {
	Rate    float64         `json:"rate"`
	Latency stats.Latency   `json:"-"`
	Q       stats.Quantiles `json:"latency"`     // from when a submit was due to its answer
	Late    stats.Quantiles `json:"sender_late"` // how late submits were begun: the load client's share
	Refused int             `json:"refused"`
	Cut     bool            `json:"cut"`    // given up: more than a second's submits were under way at once
	CPU     float64         `json:"cpu_ns"` // the server's processor time of a submit
	err     error           // of one that was refused
}

func (o *Open) sustained() bool { return !o.Cut && o.Refused == 0 && o.Q.P99 < promptly }

// round is a Round under way.
type round struct {
	options Options
	server  *server
	numbers atomic.Int64 // of transactions
}

// runRound starts a contender in a folder, which it makes, measures it, and ends it.
func runRound(ctx context.Context, o Options, c contender, e *env, p program) (result *Round, err error) {
	if err := os.Mkdir(e.dir, 0o711); err != nil { // PostgreSQL's user has a folder in it
		return nil, err
	}
	defer os.RemoveAll(e.dir)
	s, err := c.start(ctx, e, p)
	if err != nil {
		return nil, err
	}
	defer s.end()
	r := &round{options: o, server: s}
	return r.run(ctx)
}

func (r *round) run(ctx context.Context) (*Round, error) {
	result := &Round{}
	warm, err := r.open(ctx, r.options.Rate, warmUp)
	if err != nil {
		return nil, err
	}
	if warm.Refused > 0 {
		return nil, fmt.Errorf("it refuses submits: %w", warm.err)
	}
	if err := r.server.rest(ctx); err != nil {
		return nil, err
	}
	open, err := r.open(ctx, r.options.Rate, r.options.For)
	if err != nil {
		return nil, err
	}
	result.Open = *open
	var troubles []error
	if open.Refused > 0 {
		troubles = append(troubles, fmt.Errorf("%d refused at %g/s: %w", open.Refused, open.Rate, open.err))
	}
	for _, connections := range r.options.Connections {
		if err := r.server.rest(ctx); err != nil {
			return nil, err
		}
		counted, cpu, err := r.closed(ctx, connections)
		if err != nil {
			return nil, err
		}
		if counted.Failed > 0 {
			troubles = append(troubles, fmt.Errorf("%d of %d refused over %d connections: %w",
				counted.Failed, counted.Failed+counted.Done, connections, counted.Err))
		}
		result.Highest = append(result.Highest, counted.Rate())
		result.Saturated = append(result.Saturated, float64(cpu)/float64(max(1, counted.Done)))
	}
	if r.options.Search {
		if result.Sustained, err = r.search(ctx, open); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(troubles...); err != nil {
		result.Trouble = err.Error()
	}
	return result, ctx.Err()
}

// submit posts the next transaction.
func (r *round) submit(p *load.Poster) error {
	number := r.numbers.Add(1)
	return p.Post(func(request *fasthttp.Request) { r.server.fill(request, number) })
}

// connections of an open loop: as many as the widest closed one has.
func (r *round) connections() (most int) {
	for _, n := range r.options.Connections {
		most = max(most, n)
	}
	return most
}

// open submits at a constant rate.
func (r *round) open(ctx context.Context, rate float64, during time.Duration) (*Open, error) {
	poster := load.NewPoster(r.server.address, r.connections())
	defer poster.Close()
	schedule := load.Schedule{Rate: rate, Events: max(1, int(rate*during.Seconds()))}
	before, err := r.server.cpu()
	if err != nil {
		return nil, err
	}
	seen := schedule.Open(ctx, time.Now(), func(int) error { return r.submit(poster) })
	after, err := r.server.cpu()
	if err != nil {
		return nil, err
	}
	return &Open{
		Rate: rate, Latency: seen.Latency, Q: seen.Latency.Quantiles(), Late: seen.Late.Quantiles(), Refused: seen.Failed, Cut: seen.Cut,
		CPU: float64(after-before) / float64(max(1, seen.Begun)), err: seen.Err,
	}, ctx.Err()
}

// closed submits over so many connections as fast as it goes. cpu is the server's processor time while it counts.
func (r *round) closed(ctx context.Context, connections int) (seen load.Counted, cpu time.Duration, err error) {
	poster := load.NewPoster(r.server.address, connections)
	defer poster.Close()
	var errs []error
	seen = load.Closed{Clients: connections, Warm: warmUp, For: r.options.For}.Run(ctx, func() error { return r.submit(poster) }, func() {
		now, err := r.server.cpu()
		cpu = now - cpu
		errs = append(errs, err)
	})
	return seen, cpu, errors.Join(append(errs, ctx.Err())...)
}

// search looks for the highest rate at which an open loop is answered promptly.
func (r *round) search(ctx context.Context, first *Open) (float64, error) {
	var s load.Search
	s.Saw(first.Rate, first.sustained())
	for rate, more := s.Next(); more; rate, more = s.Next() {
		if err := r.server.rest(ctx); err != nil {
			return 0, err
		}
		o, err := r.open(ctx, rate, step)
		if err != nil {
			return 0, err
		}
		s.Saw(rate, o.sustained())
	}
	sustained, _ := s.Bounds()
	return sustained, nil
}
