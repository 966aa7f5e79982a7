package push

import (
	"context"
	"fmt"
	"os"
	"time"

	"verdict/bench/target"
)

// Round is what one target showed in one round.
type Round struct {
	Idle  PerConnection `json:"idle"`
	After PerConnection `json:"after_traffic"`
	Rates []*Pushed     `json:"rates"` // in the order of Options.Rates

	Quiet  bool     `json:"quiet"`  // whether the server had come to rest each time
	Stray  int64    `json:"stray"`  // events that nobody waited for: told twice
	Broken []string `json:"broken"` // connections that ended against our will
}

// round is a Round under way.
type round struct {
	options Options
	target  target.Target
	arrived *arrivals
	armed   []int // clients that watch something of which there is no event yet
	still   usage // idle processor time
	result  *Round
}

// runRound starts a target, measures it, and ends it.
func runRound(ctx context.Context, o Options, s target.Spec, env target.Env) (*Round, error) {
	a := newArrivals(o.Connections)
	env.Clients, env.Arrived, env.Broken = o.Connections, a.arrived, a.brokenOff
	t, err := s.Start(ctx, env)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(env.Dir)
	defer t.Close()
	r := &round{options: o, target: t, arrived: a, result: &Round{Quiet: true}}
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("%s, %s: %w", s.Name, s.Kind, err)
	}
	r.result.Stray, r.result.Broken = a.trouble()
	return r.result, nil
}

func (r *round) run(ctx context.Context) error {
	all := everyone(r.options.Connections)
	if err := r.target.Prepare(ctx, all); err != nil {
		return err
	}
	before, err := r.memory(ctx)
	if err != nil {
		return err
	}
	if err := r.target.Watch(ctx, all); err != nil {
		return err
	}
	r.armed = all
	now, err := r.memory(ctx)
	if err != nil {
		return err
	}
	r.result.Idle = now.per(r.options.Connections, before)
	if r.still, err = idle(ctx, r.target.Process()); err != nil {
		return err
	}
	warm := r.options.warmUp()
	if err := r.push(ctx, warm, r.options.Rates[len(r.options.Rates)-1], newPushed()); err != nil {
		return err
	}
	for _, rate := range r.options.Rates {
		p := newPushed()
		if err := r.push(ctx, r.options.Events, rate, p); err != nil {
			return err
		}
		p.finish()
		r.result.Rates = append(r.result.Rates, p)
	}
	had := warm + r.options.Events*len(r.options.Rates)
	if err := r.traffic(ctx, eventsEach*r.options.Connections-had); err != nil {
		return err
	}
	select {
	case <-time.After(lull):
	case <-ctx.Done():
		return ctx.Err()
	}
	now, err = r.memory(ctx)
	r.result.After = now.per(r.options.Connections, before)
	return err
}

// push publishes so many events at a rate, in salvos of at most one event a client.
func (r *round) push(ctx context.Context, events int, rate float64, into *Pushed) error {
	for events > 0 {
		if len(r.armed) == 0 {
			if err := r.rearm(ctx); err != nil {
				return err
			}
		}
		n := min(events, len(r.armed))
		if err := r.rest(ctx); err != nil {
			return err
		}
		if err := salvo(ctx, r.target, r.arrived, r.armed[:n], rate, r.still, into); err != nil {
			return err
		}
		r.armed = r.armed[n:]
		events -= n
	}
	return nil
}

// rearm has all clients watch something again. None may be armed.
func (r *round) rearm(ctx context.Context) error {
	all := everyone(r.options.Connections)
	if err := r.target.Prepare(ctx, all); err != nil {
		return err
	}
	r.armed = all
	return r.target.Watch(ctx, all)
}

// traffic publishes at least so many events, until no client is armed, and has all watch again.
func (r *round) traffic(ctx context.Context, events int) error {
	rate := r.options.Rates[len(r.options.Rates)-1]
	if err := r.push(ctx, events, rate, newPushed()); err != nil {
		return err
	}
	if err := r.push(ctx, len(r.armed), rate, newPushed()); err != nil {
		return err
	}
	return r.rearm(ctx)
}

func everyone(connections int) []int {
	all := make([]int, connections)
	for i := range all {
		all[i] = i
	}
	return all
}

func (r *round) rest(ctx context.Context) error {
	calm, err := quiet(ctx, r.target.Process())
	r.result.Quiet = r.result.Quiet && calm
	return err
}

func (r *round) memory(ctx context.Context) (Memory, error) {
	target.CloseIdle()
	if err := r.rest(ctx); err != nil {
		return Memory{}, err
	}
	return memory(ctx, r.target)
}
