package admin

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Figures is how things stand now, in numbers.
type Figures struct {
	At       time.Time         `json:"at"`
	NotReady string            `json:"not_ready,omitempty"` // why this instance should get no requests; missing if it may
	Ailing   map[string]string `json:"ailing"`              // what isn't well with this instance, and the mend, by concern
	Backlog  Backlog           `json:"backlog"`
	Streams  map[string]int    `json:"streams"` // apps that listen to this instance, by transport
	Partners []PartnerFigure   `json:"partners"`
	Since    time.Time         `json:"verdicts_since"`
	Verdicts []Verdict         `json:"verdicts"` // all since then, the oldest first
}

// Backlog is what is not done.
type Backlog struct {
	Commands  int `json:"commands"`  // transactions with a next step, due or not yet
	Review    int `json:"review"`    // transactions that are for review
	Conflicts int `json:"conflicts"` // pieces of evidence against a verdict, ever
	Parked    int `json:"parked"`    // webhooks whose transaction is not known
}

// PartnerFigure is how a partner's checks stand, and the budget that they are kept to.
type PartnerFigure struct {
	Partner
	Budget Budget `json:"budget"`
}

// figures are told again for a moment before they are counted anew: a backlog takes longer to count the more there is.
type figures struct {
	mu     sync.Mutex
	told   Figures
	recent recent
}

// figuresLast is how long figures are told again.
const figuresLast = 2 * time.Second

// tellFigures takes GET /v1/figures.
func (d *Desk) tellFigures(r *http.Request, _ map[string]string) (any, error) {
	d.figures.mu.Lock()
	defer d.figures.mu.Unlock()
	now := time.Now()
	if now.Sub(d.figures.told.At) < figuresLast {
		return d.figures.told, nil
	}
	told, err := d.countFigures(r.Context(), now)
	if err != nil {
		return nil, err
	}
	d.figures.told = told
	return told, nil
}

func (d *Desk) countFigures(ctx context.Context, now time.Time) (Figures, error) {
	b, err := d.Store.Backlog(ctx, now)
	if err != nil {
		return Figures{}, err
	}
	if err := d.figures.recent.read(ctx, d.Store, now); err != nil {
		return Figures{}, err
	}
	streams, err := openStreams(d.Counted)
	if err != nil {
		return Figures{}, err
	}
	told := Figures{
		At: plain(now), Ailing: map[string]string{}, Streams: streams, Partners: []PartnerFigure{},
		Since: d.figures.recent.since, Verdicts: d.figures.recent.verdicts,
		Backlog: Backlog{Commands: b.Commands, Review: b.Review, Conflicts: b.Conflicts, Parked: b.Parked},
	}
	health := d.Health(ctx)
	if err := health.Unready(); err != nil {
		told.NotReady = err.Error()
	}
	for _, f := range health {
		if f.Err != nil {
			told.Ailing[f.Name] = f.Err.Error()
		}
	}
	for _, p := range d.Settler.Planner.Prospects(now) {
		told.Partners = append(told.Partners, PartnerFigure{newPartner(p), newBudget(p.Kept)})
	}
	return told, nil
}

// openStreams reads the apps that listen from the metric that counts them.
func openStreams(counted []prometheus.Collector) (map[string]int, error) {
	registry := prometheus.NewRegistry()
	for _, c := range counted {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	families, err := registry.Gather()
	open := map[string]int{}
	for _, family := range families {
		if family.GetName() != "verdict_push_streams" {
			continue
		}
		for _, m := range family.GetMetric() {
			open[m.GetLabel()[0].GetValue()] = int(m.GetGauge().GetValue())
		}
	}
	return open, err
}
