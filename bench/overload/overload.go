// Package overload measures what Verdict does with twice what it carries, and what a transaction takes that waits for the partner.
package overload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"verdict/bench/app"
	"verdict/bench/cluster"
	"verdict/bench/daemon"
	"verdict/bench/load"
	"verdict/bench/stats"
)

// Options say what to measure.
type Options struct {
	Rounds      int
	Times       float64       // by how many times the peak to overload
	For         time.Duration // how long
	Connections int           // of the overload
	Waiting     int           // transactions that wait for the partner
	Apart       bool          // Verdict has a processor of its own, and all else the others
	Dir         string        // on the disk to measure; "" for the system's folder of temporary files
}

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	switch {
	case o.Rounds < 1:
		return errors.New("--rounds: give 1 or more")
	case o.Times <= 1:
		return fmt.Errorf("--times: %g; give a number above 1", o.Times)
	case o.For < 2*time.Second:
		return errors.New("--for: give 2s or more")
	case o.Connections < peakClients || o.Connections > 20_000:
		return fmt.Errorf("--connections: %d; give %d to 20000", o.Connections, peakClients)
	case o.Waiting < 0 || o.Waiting > 10_000:
		return fmt.Errorf("--waiting: %d; give up to 10000, as many as Verdict may have in flight", o.Waiting)
	}
	return nil
}

const (
	peakClients = 256 // connections of the closed loop that finds the peak
	warmUp      = 2 * time.Second

	// probeEvery is how often a submit is tried after the overload. It has recovered when all of a second's were accepted
	// within promptly.
	probeEvery = 20 * time.Millisecond
	probes     = int(time.Second / probeEvery)
	promptly   = 50 * time.Millisecond
	patience   = time.Minute
)

// Round is what was seen in one round.
type Round struct {
	Peak     float64         `json:"peak"`    // submits accepted a second by a closed loop
	After    float64         `json:"after"`   // the same, once it has recovered
	Offered  float64         `json:"offered"` // submits a second of the overload
	Goodput  float64         `json:"goodput"` // accepted a second, while it lasted
	Shed     int64           `json:"shed"`    // refused with 429 or 503 and Retry-After
	Broken   int64           `json:"broken"`  // refused otherwise, or not answered
	Late     stats.Quantiles `json:"sender_late"`
	Accepted stats.Quantiles `json:"accepted"` // from when a submit was due to its acceptance
	Refused  stats.Quantiles `json:"refused"`  // from when one was due to its refusal
	Recovery time.Duration   `json:"recovery_ns"`
	Why      string          `json:"why,omitempty"` // one of the broken
}

// Report is all that was measured.
type Report struct {
	Options Options  `json:"options"`
	Rounds  []*Round `json:"rounds"`
	Waiting *Waiting `json:"waiting,omitempty"`
}

// Run overloads Verdict in each round, and then has transactions wait. progress is told what is being done.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	if o.Apart {
		if err := daemon.Apart(); err != nil {
			return nil, fmt.Errorf("--apart: %w", err)
		}
	}
	dir, err := os.MkdirTemp(o.Dir, "verdict-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "verdict")
	if err := cluster.Build(ctx, root, binary); err != nil {
		return nil, err
	}
	report := &Report{Options: o}
	for n := range o.Rounds {
		r, err := runRound(ctx, o, binary, filepath.Join(dir, fmt.Sprint("round-", n)))
		if err != nil {
			return nil, err
		}
		report.Rounds = append(report.Rounds, r)
		fmt.Fprintf(progress, "round %d of %d: peak %.0f/s, goodput %.0f/s of %.0f/s, recovered in %s\n", n+1, o.Rounds, r.Peak, r.Goodput, r.Offered, r.Recovery)
	}
	if o.Waiting > 0 {
		if report.Waiting, err = wait(ctx, o, binary, filepath.Join(dir, "waiting")); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// runRound starts Verdict in a folder, with a partner that doesn't answer, so that only accepting is measured; finds the peak;
// overloads it; and waits until it has recovered.
func runRound(ctx context.Context, o Options, binary, dir string) (*Round, error) {
	p, err := holdFor(patience)
	if err != nil {
		return nil, err
	}
	defer p.close()
	g, err := cluster.StartGateway(ctx, dir, cluster.GatewayConfig{
		Binary: binary, Host: "127.0.0.1", Partner: p.url(), Database: "sqlite:verdict.db", Stream: "{dir: jetstream}", KeyHash: app.APIKeyHash(),
		Alone: o.Apart,
		Env:   []string{"VERDICT_SHED_AFTER=0s"}, // else it would refuse all, rightly: nothing that it accepts is sent
	})
	if err != nil {
		return nil, err
	}
	defer g.Close()
	var numbers atomic.Int64
	submit := func(p *load.Poster) error {
		number := numbers.Add(1)
		return p.Post(func(r *fasthttp.Request) { app.Fill(r, int(number%1000), number) })
	}
	peak := func() (float64, error) {
		few := load.NewPoster(g.Address, peakClients)
		defer few.Close()
		seen := load.Closed{Clients: peakClients, Warm: warmUp, For: o.For}.Run(ctx, func() error { return submit(few) }, nil)
		if seen.Done == 0 {
			return 0, errors.Join(errors.New("nothing was accepted"), seen.Err, ctx.Err())
		}
		return seen.Rate(), nil
	}
	r := &Round{}
	if r.Peak, err = peak(); err != nil {
		return nil, err
	}
	r.Offered = o.Times * r.Peak
	many := load.NewPoster(g.Address, o.Connections)
	defer many.Close()
	r.overload(ctx, o, func() error { return submit(many) })
	if r.Recovery, err = recovery(ctx, func() error { return submit(many) }); err != nil {
		return nil, err
	}
	r.After, err = peak()
	return r, err
}

// overload offers more than is carried. What ends after the last submit was due doesn't count as goodput.
func (r *Round) overload(ctx context.Context, o Options, submit func() error) {
	schedule := load.Schedule{Rate: r.Offered, Events: int(r.Offered * o.For.Seconds())}
	accepted, refused, lateness := stats.NewLatency(), stats.NewLatency(), stats.NewLatency()
	var mu sync.Mutex // guards the histograms and r
	good, start := 0, time.Now()
	late := schedule.Run(ctx, start, func(event int) {
		err := submit()
		now := time.Since(start)
		took := now - schedule.At(event)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			accepted.Record(took)
			if now <= o.For {
				good++
			}
			return
		}
		refused.Record(took)
		if shed(err) {
			r.Shed++
			return
		}
		r.Broken++
		r.Why = err.Error()
	})
	for _, d := range late {
		lateness.Record(d)
	}
	r.Goodput = float64(good) / o.For.Seconds()
	r.Accepted, r.Refused, r.Late = accepted.Quantiles(), refused.Quantiles(), lateness.Quantiles()
}

// shed reports whether a refusal is one that tells the app what to do.
func shed(err error) bool {
	var refused *load.Refused
	if !errors.As(err, &refused) {
		return false
	}
	return (refused.Status == http.StatusTooManyRequests || refused.Status == http.StatusServiceUnavailable) && refused.RetryAfter != ""
}

// recovery waits until a second's probes were all accepted promptly, and returns how long it took until the first of them.
func recovery(ctx context.Context, submit func() error) (time.Duration, error) {
	began := time.Now()
	for since, good := began, 0; good < probes; {
		if time.Since(began) > patience {
			return 0, fmt.Errorf("it hasn't recovered within %s", patience)
		}
		sent := time.Now()
		if err := submit(); err != nil || time.Since(sent) > promptly {
			good = 0
		} else {
			if good == 0 {
				since = sent
			}
			if good++; good == probes {
				return since.Sub(began), nil
			}
		}
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return 0, nil
}
