package overload

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"verdict/bench/app"
	"verdict/bench/cluster"
	"verdict/bench/load"
	"verdict/bench/measure"
)

// Waiting is what transactions take that wait for the partner's answer, in bytes each.
type Waiting struct {
	Transactions int     `json:"transactions"`
	RSS          float64 `json:"rss"`
	Heap         float64 `json:"heap"`
	Stacks       float64 `json:"stacks"`
	Goroutines   float64 `json:"goroutines"`
}

const (
	holds      = 30 * time.Second // until the partner answers
	submitRate = 2000             // transactions a second
	gather     = 25 * time.Second // by when all must have reached the partner
)

// wait has transactions wait for the partner, all at once, and measures what that takes.
func wait(ctx context.Context, o Options, binary, dir string) (*Waiting, error) {
	p, err := holdFor(holds)
	if err != nil {
		return nil, err
	}
	defer p.close()
	g, err := cluster.StartGateway(ctx, dir, cluster.GatewayConfig{
		Binary: binary, Host: "127.0.0.1", Partner: p.url(), Calls: o.Waiting, Database: "sqlite:verdict.db", Stream: "{dir: jetstream}",
		KeyHash: app.APIKeyHash(), Alone: o.Apart,
	})
	if err != nil {
		return nil, err
	}
	defer g.Close()
	before, beforeRSS, err := memory(ctx, g)
	if err != nil {
		return nil, err
	}
	poster := load.NewPoster(g.Address, 64)
	schedule := load.Schedule{Rate: submitRate, Events: o.Waiting}
	var refused atomic.Int64
	schedule.Run(ctx, time.Now(), func(number int) {
		if poster.Post(func(r *fasthttp.Request) { app.Fill(r, number%1000, int64(number)) }) != nil {
			refused.Add(1)
		}
	})
	poster.Close()
	if n := refused.Load(); n > 0 {
		return nil, fmt.Errorf("%d submits were refused at %d a second", n, submitRate)
	}
	for deadline := time.Now().Add(gather); p.held.Load() < int64(o.Waiting); {
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d of %d wait for the partner at once; give fewer with --waiting", p.held.Load(), o.Waiting)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	during, duringRSS, err := memory(ctx, g)
	if err != nil {
		return nil, err
	}
	if left := p.held.Load(); left < int64(o.Waiting) {
		return nil, fmt.Errorf("only %d of %d still waited when it was measured; give fewer with --waiting", left, o.Waiting)
	}
	each := func(now, then int64) float64 { return float64(now-then) / float64(o.Waiting) }
	return &Waiting{
		Transactions: o.Waiting, RSS: each(duringRSS, beforeRSS), Heap: each(during.Heap, before.Heap),
		Stacks: each(during.Stacks, before.Stacks), Goroutines: each(during.Goroutines, before.Goroutines),
	}, nil
}

// memory is what Verdict holds once its garbage is collected.
func memory(ctx context.Context, g *cluster.Gateway) (m measure.Go, rss int64, err error) {
	if m, err = measure.Collected(ctx, g.Metrics()); err != nil {
		return m, 0, err
	}
	rss, err = g.Process().RSS()
	return m, rss, err
}

// holding is a partner that answers each submit with the verdict after a time.
type holding struct {
	server   *http.Server
	listener net.Listener
	held     atomic.Int64 // that wait at the moment
	ended    chan struct{}
}

func holdFor(d time.Duration) (*holding, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &holding{listener: l, ended: make(chan struct{})}
	h.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var told struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.held.Add(1)
		defer h.held.Add(-1)
		select {
		case <-time.After(d):
		case <-h.ended:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":%q,"status":"completed"}`, told.ID)
	})}
	go h.server.Serve(l) // until close
	return h, nil
}

func (h *holding) url() string { return "http://" + h.listener.Addr().String() }

func (h *holding) close() {
	close(h.ended)
	h.server.Close()
}
