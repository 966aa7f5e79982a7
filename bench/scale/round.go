package scale

import (
	"context"
	"os"
	"time"

	"verdict/bench/app"
	"verdict/bench/load"
)

// Round is what a setup showed in one round.
type Round struct {
	Idle     counts         `json:"idle"`     // shares of one processor, and counts a nanosecond, while nothing happens
	Compared *Point         `json:"compared"` // at Options.Rate
	Tried    []*Point       `json:"tried"`    // for the highest rates, Compared first
	Submits  float64        `json:"submits"`  // highest rate that was sustained for submits; 0: none
	Whole    float64        `json:"whole"`    // for whole transactions
	Replicas map[string]int `json:"replicas"` // of the streams, by name

	took time.Duration
}

// at returns what was tried at a rate; nil if nothing was.
func (r *Round) at(rate float64) *Point {
	for _, p := range r.Tried {
		if p.Rate == rate {
			return p
		}
	}
	return nil
}

// best is the highest rate that was sustained for whole transactions, and past the lowest that wasn't. They may be nil.
func (r *Round) best() *Point { return r.at(r.Whole) }

func (r *Round) past() (lowest *Point) {
	for _, p := range r.Tried {
		if !p.whole() && (lowest == nil || p.Rate < lowest.Rate) {
			lowest = p
		}
	}
	return lowest
}

// round is a Round under way.
type round struct {
	options Options
	world   *world
	users   *app.Users
	numbers int64 // of transactions that were used
	idle    growth
	sent    int // of the partner's posts that were read
	result  *Round
}

// runRound starts a setup in a folder, measures it, and ends it.
func runRound(ctx context.Context, o Options, s setup, p programs, dir string) (*Round, error) {
	r, end, err := begin(ctx, o, s, p, dir)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return r.result, nil
}

// begin starts a setup in a folder, which it makes, and connects the users. end ends both and removes the folder.
func begin(ctx context.Context, o Options, s setup, p programs, dir string) (r *round, end func(), err error) {
	if err := os.Mkdir(dir, 0o711); err != nil { // PostgreSQL's user has a folder in it
		return nil, nil, err
	}
	w, err := s.start(ctx, p, dir)
	if err != nil {
		return nil, nil, err
	}
	var addresses []string
	for _, g := range w.gateways {
		addresses = append(addresses, g.Address)
	}
	u, err := app.Connect(ctx, addresses, o.Clients)
	if err != nil {
		w.close()
		return nil, nil, err
	}
	return &round{options: o, world: w, users: u, result: &Round{}}, func() {
		u.Close()
		w.close()
		_ = os.RemoveAll(dir) // the folder around it is removed at the end
	}, nil
}

func (r *round) run(ctx context.Context) (err error) {
	if _, err := r.point(ctx, r.options.Rate, warmUp); err != nil {
		return err
	}
	if err := r.rest(ctx); err != nil {
		return err
	}
	compared, err := r.point(ctx, r.options.Rate, r.options.For)
	if err != nil {
		return err
	}
	r.result.Compared = compared
	if r.world.setup.Shared {
		if r.result.Replicas, err = r.world.nats.Replicas(ctx); err != nil {
			return err
		}
	}
	return r.search(ctx)
}

// search looks for the highest rates, for whole transactions and then for submits. What is tried for one counts for both.
func (r *round) search(ctx context.Context) error {
	var submits, whole load.Search
	saw := func(p *Point) {
		r.result.Tried = append(r.result.Tried, p)
		submits.Saw(p.Rate, p.submits())
		whole.Saw(p.Rate, p.whole())
	}
	saw(r.result.Compared)
	for _, s := range []*load.Search{&whole, &submits} {
		for rate, more := s.Next(); more; rate, more = s.Next() {
			p, err := r.point(ctx, rate, r.options.Step)
			if err != nil {
				return err
			}
			saw(p)
		}
	}
	r.result.Submits, _ = submits.Bounds()
	r.result.Whole, _ = whole.Bounds()
	return nil
}

// rest measures what the setup takes while nothing happens.
func (r *round) rest(ctx context.Context) error {
	before, err := r.world.read(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, still); err != nil {
		return err
	}
	after, err := r.world.read(ctx)
	r.idle = growth{after.minus(before), still}
	r.result.Idle = r.idle.shares()
	return err
}
