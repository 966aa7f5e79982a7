// Package soak watches Verdict for hours: a steady load, a partner that misbehaves, and subscribers that come and go.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
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
)

// Options say what to watch.
type Options struct {
	Rate    float64       // submits a second
	For     time.Duration // how long
	Clients int           // subscribers at a time
	Stay    time.Duration // how long each stays, on average, before it is replaced by another
	Speed   float64       // how much faster than real time the partner lives
	Dir     string        // on a disk; "" for the system's folder of temporary files
}

// Validate says what is wrong with the options, and the mend.
func (o Options) Validate() error {
	switch {
	case o.Rate <= 0:
		return fmt.Errorf("--rate: %g; give submits a second, above zero", o.Rate)
	case o.For < time.Minute:
		return errors.New("--for: give 1m or more")
	case o.Clients < 0 || o.Clients > 1000:
		return fmt.Errorf("--clients: %d; give 0 to 1000, as many as Verdict takes from one address", o.Clients)
	case o.Stay < time.Second:
		return errors.New("--stay: give 1s or more")
	case o.Speed <= 0:
		return fmt.Errorf("--speed: %g; give a number above zero", o.Speed)
	}
	return nil
}

// samples is how many are taken, at the least a second apart.
const samples = 360

// settled is the share of the time that passes before the slopes begin: caches fill, pools grow, and what waits for its
// first check is as many as it will be.
const settled = 0.25

// world is what runs.
type world struct {
	options Options
	gateway *cluster.Gateway
	dir     string // the gateway's

	counted
}

// counted is what the load client counts.
type counted struct {
	accepted, refused, came, cut, heard atomic.Int64
	refusal                             atomic.Pointer[error] // of one that was refused
}

// Run starts Verdict and the partner, loads them, and samples. progress is told each sample.
func Run(ctx context.Context, o Options, root string, progress io.Writer) (*Report, error) {
	dir, err := os.MkdirTemp(o.Dir, "verdict-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "verdict")
	if err := cluster.Build(ctx, root, binary); err != nil {
		return nil, err
	}
	partner, url, err := startPartner(ctx, binary, filepath.Join(dir, "partner"), o.Speed)
	if err != nil {
		return nil, err
	}
	defer partner.Close()
	w := &world{options: o, dir: filepath.Join(dir, "gateway")}
	w.gateway, err = cluster.StartGateway(ctx, w.dir, cluster.GatewayConfig{
		Binary: binary, Host: "127.0.0.1", Partner: url, Calls: 10_000, Database: "sqlite:verdict.db",
		Stream: "{dir: jetstream}", KeyHash: app.APIKeyHash(),
	})
	if err != nil {
		return nil, err
	}
	defer w.gateway.Close()
	return w.run(ctx, progress)
}

// startPartner starts Verdict's own simulated third party: late answers, 504s that go through, webhooks that are lost, doubled
// or early. It doesn't ban, because a ban would end the load.
func startPartner(ctx context.Context, binary, dir string, speed float64) (*daemon.Daemon, string, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, "", err
	}
	address, err := daemon.FreeAddress("127.0.0.1")
	if err != nil {
		return nil, "", err
	}
	url := "http://" + address
	d, err := daemon.Start(ctx, daemon.Command{
		Program: binary, Args: []string{"thirdparty", "--address", address, "--speed", fmt.Sprint(speed), "--ban-after", "-1"}, Dir: dir,
		Ready: daemon.Answers(url + "/stats"),
	})
	return d, url, err
}

func (w *world) run(ctx context.Context, progress io.Writer) (*Report, error) {
	ctx, stop := context.WithTimeout(ctx, w.options.For)
	defer stop()
	var loading sync.WaitGroup
	loading.Go(func() { w.submit(ctx) })
	for client := range w.options.Clients {
		loading.Go(func() { w.come(ctx, client) })
	}
	report := &Report{Options: w.options, Every: max(time.Second, w.options.For/samples)}
	tick := time.NewTicker(report.Every)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			stop()
			loading.Wait()
			return report, w.finish(ctx, report)
		case <-tick.C:
		}
		s, err := w.sample(context.WithoutCancel(ctx))
		if err != nil {
			return nil, err
		}
		report.Samples = append(report.Samples, s)
		fmt.Fprintf(progress, "%8s  %s\n", time.Since(began).Round(time.Second), s)
	}
}

func (w *world) finish(ctx context.Context, r *Report) error {
	r.Accepted, r.Refused, r.Came, r.Cut, r.Heard = w.accepted.Load(), w.refused.Load(), w.came.Load(), w.cut.Load(), w.heard.Load()
	if why := w.refusal.Load(); why != nil {
		r.Refusal = (*why).Error()
	}
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ctx.Err()
	}
	return nil
}

// submit submits at the constant rate until ctx ends.
func (w *world) submit(ctx context.Context) {
	poster := load.NewPoster(w.gateway.Address, 256)
	defer poster.Close()
	schedule := load.Schedule{Rate: w.options.Rate, Events: int(w.options.Rate * w.options.For.Seconds())}
	schedule.Run(ctx, time.Now(), func(number int) {
		err := poster.Post(func(r *fasthttp.Request) { app.Fill(r, number%users, int64(number)) })
		if err != nil {
			w.refused.Add(1)
			w.refusal.Store(&err)
			return
		}
		w.accepted.Add(1)
	})
}

// users is how many the transactions are spread over; each subscriber is one of them.
const users = 2000
