package scale

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"time"

	"verdict/bench/app"
	"verdict/bench/load"
	"verdict/bench/stats"
)

// Point is what was seen at one rate.
type Point struct {
	Rate      float64 `json:"rate"`
	Submitted int     `json:"submitted"`
	Refused   int     `json:"refused"` // submits that were not answered with success
	Lost      int     `json:"lost"`    // accepted, and no verdict was pushed in time
	Stray     int     `json:"stray"`   // pushes that nobody waited for: told twice
	Cut       bool    `json:"cut"`     // it was given up: more than a second's submits were under way at once

	Submit latency       `json:"submit"`      // from when a submit was due to its answer
	Push   latency       `json:"push"`        // from the partner's post of the verdict to its push
	Late   latency       `json:"sender_late"` // how late submits were begun, which is the load client's share
	Behind time.Duration `json:"behind_ns"`   // how long after the last verdict was due the last was pushed

	Loaded growth `json:"-"`    // while transactions were submitted
	Each   counts `json:"each"` // of a transaction, until all was done, beyond idleness
	Shares counts `json:"shares"`
	Waits  Waits  `json:"waits"`
}

// latency is a histogram that is written as its quantiles.
type latency struct {
	stats.Latency
	stats.Quantiles
}

func newLatency() latency { return latency{Latency: stats.NewLatency()} }

func (l *latency) finish() { l.Quantiles = l.Latency.Quantiles() }

// submits reports whether the rate was sustained for submits.
func (p *Point) submits() bool { return !p.Cut && p.Refused == 0 && p.Submit.P99 < promptly }

// whole reports whether it was sustained for whole transactions.
func (p *Point) whole() bool { return p.submits() && p.Lost == 0 && p.Behind <= keepUp }

// point submits transactions at a rate for a time, and waits for what becomes of them.
func (r *round) point(ctx context.Context, rate float64, during time.Duration) (*Point, error) {
	schedule := load.Schedule{Rate: rate, Events: max(1, int(rate*during.Seconds()))}
	p := &Point{Rate: rate, Submit: newLatency(), Push: newLatency(), Late: newLatency()}
	first := r.numbers
	r.numbers += int64(schedule.Events)
	arrived := app.NewArrivals(first, schedule.Events)
	r.users.Await(arrived)

	before, err := r.world.read(ctx)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	var accepted int
	if p.Waits, err = r.world.watched(ctx, func() {
		accepted = p.take(schedule.Open(ctx, start, func(event int) error { return r.users.Submit(first + int64(event)) }))
	}); err != nil {
		return nil, err
	}
	loaded, err := r.world.read(ctx)
	if err != nil {
		return nil, err
	}
	p.Loaded = growth{loaded.minus(before), time.Since(start)}

	due := start.Add(schedule.At(p.Submitted)).Add(settles)
	p.Lost = arrived.Await(ctx, accepted, time.Now().Add(patience))
	if last := arrived.Last(); last.After(due) {
		p.Behind = last.Sub(due)
	}
	if err := pause(ctx, tail); err != nil {
		return nil, err
	}
	after, err := r.world.read(ctx)
	if err != nil {
		return nil, err
	}
	p.Each = growth{after.minus(before), time.Since(start)}.each(max(1, accepted), r.idle)
	p.Shares = p.Loaded.shares()
	p.Stray = arrived.Strays()
	if err := r.pushes(ctx, arrived, p); err != nil {
		return nil, err
	}
	for _, l := range []*latency{&p.Submit, &p.Push, &p.Late} {
		l.finish()
	}
	return p, r.users.Trouble()
}

// take takes down what became of the submits, and returns how many were accepted.
func (p *Point) take(o *load.Opened) (accepted int) {
	p.Submit.Latency, p.Late.Latency, p.Submitted, p.Refused, p.Cut = o.Latency, o.Late, o.Begun, o.Failed, o.Cut
	return o.Done
}

// pushes reads from the partner when it began to post each verdict, and records how long after that it was pushed.
func (r *round) pushes(ctx context.Context, arrived *app.Arrivals, p *Point) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/sent?after=%d", r.world.verdicts, r.sent), nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	for ; lines.Scan(); r.sent++ {
		var number, sent int64
		if _, err := fmt.Sscan(lines.Text(), &number, &sent); err != nil {
			return fmt.Errorf("read the partner's list: %w", err)
		}
		if at, ok := arrived.At(number); ok { // else it is of an earlier point, which didn't wait for it
			p.Push.Record(at.Sub(time.Unix(0, sent)))
		}
	}
	return lines.Err()
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
