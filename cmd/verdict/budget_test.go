package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"verdict"
	"verdict/hub/stream"
	"verdict/persistence"
	"verdict/provider/djamo"
	"verdict/provider/providertest"
	"verdict/provider/sim"
)

// fleet is instances of the gateway on one record, in virtual time, before a partner that counts how often it is asked.
type fleet struct {
	t       *testing.T
	dir     string
	budget  verdict.Budget
	partner *sim.Partner
	network *providertest.Pipe // to the partner

	mu     sync.Mutex // guards what follows
	checks []time.Time
}

// member is an instance that runs.
type member struct {
	apps  *providertest.Pipe
	stop  context.CancelFunc
	ended chan error
}

// inFleet runs f in a bubble, with a partner that bans as told.
func inFleet(t *testing.T, told verdict.Budget, bans sim.Config, f func(f *fleet)) {
	t.Helper()
	inBubble(t, func(t *testing.T, dir string) {
		fl := &fleet{t: t, dir: dir, budget: told, network: providertest.NewPipe()}
		bans.Seed = 1
		bans.Transport = &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("no webhook arrives")
		}}
		var err error
		if fl.partner, err = sim.New(bans); err != nil {
			t.Fatal(err)
		}
		server := &http.Server{Handler: fl, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		served := make(chan error, 1)
		go func() { served <- server.Serve(fl.network) }()
		f(fl)
		if err := errors.Join(fl.partner.Close(), server.Close()); err != nil {
			t.Error(err)
		}
		<-served
	})
}

// ServeHTTP notes when checks arrive.
func (f *fleet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.mu.Lock()
		f.checks = append(f.checks, time.Now())
		f.mu.Unlock()
	}
	f.partner.ServeHTTP(w, r)
}

// start starts an instance.
func (f *fleet) start(name string) *member {
	f.t.Helper()
	k := defaultSettings()
	set(k, "public_url", "http://gateway")
	set(k, "auth.open", true) // the pipes have names of their own
	set(k, "providers.djamo.url", "http://partner")
	c, err := decodeConfig(k)
	if err != nil {
		f.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	store, err := persistence.Open(context.Background(), "sqlite:"+filepath.Join(f.dir, "verdict.db"))
	if err != nil {
		f.t.Fatal(err)
	}
	js, err := stream.Open(context.Background(), stream.Config{Dir: filepath.Join(f.dir, name), Log: log})
	if err != nil {
		f.t.Fatal(err)
	}
	d := djamo.Defaults()
	d.URL, d.Dial = "http://partner", f.dial
	adapter, err := djamo.New(d)
	if err != nil {
		f.t.Fatal(err)
	}
	traits := adapter.Traits()
	traits.Budget = f.budget
	ctx, cancel := context.WithCancel(context.Background())
	g, err := newGateway(ctx, c, log, parts{store: store, bus: js, providers: map[string]verdict.Provider{"djamo": tuned{adapter, traits}}})
	if err != nil {
		f.t.Fatal(err)
	}
	m := &member{apps: providertest.NewPipe(), stop: cancel, ended: make(chan error, 1)}
	go func() {
		err := g.run(ctx, m.apps)
		js.Close()
		m.ended <- errors.Join(err, store.Close())
	}()
	return m
}

// dial takes a little while, another one each time.
func (f *fleet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := sleep(ctx, time.Duration(rand.Int64N(int64(50*time.Millisecond)))); err != nil {
		return nil, err
	}
	return f.network.Dial(ctx, network, address)
}

func (f *fleet) end(m *member) {
	f.t.Helper()
	m.stop()
	if err := <-m.ended; err != nil {
		f.t.Error(err)
	}
}

// post submits transactions from n to m whose replies are lost, and whose webhooks don't come.
func (f *fleet) post(m *member, from, to int) {
	f.t.Helper()
	client := &http.Client{Transport: &http.Transport{DialContext: m.apps.Dial, MaxConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	for n := from; n < to; n++ {
		body := fmt.Appendf(nil, `{"provider":"djamo","payload":{"n":%d,"simulate":{"reply":"lost","webhook":"none"}}}`, n)
		r, err := http.NewRequest(http.MethodPost, "http://gateway/v1/transactions", bytes.NewReader(body))
		if err != nil {
			f.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", fmt.Sprint("key ", n))
		answer, err := client.Do(r)
		if err != nil {
			f.t.Fatal(err)
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			f.t.Fatalf("%d %s", answer.StatusCode, text)
		}
	}
}

// most is how many checks arrived in the window in which most did.
func (f *fleet) most(window time.Duration) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := slices.SortedFunc(slices.Values(f.checks), time.Time.Compare)
	first := 0
	for last := range at {
		for at[last].Sub(at[first]) >= window {
			first++
		}
		n = max(n, last-first+1)
	}
	return n
}

// unsettled counts what the record doesn't know the verdict of.
func (f *fleet) unsettled() int {
	store, err := persistence.Open(context.Background(), "sqlite:"+filepath.Join(f.dir, "verdict.db"))
	if err != nil {
		f.t.Fatal(err)
	}
	defer store.Close()
	b, err := store.Backlog(context.Background(), time.Now())
	if err != nil {
		f.t.Fatal(err)
	}
	return b.Commands + b.Review
}

func TestAHerdIsAskedAboutWithinTheBudgetByThreeInstancesThatRestart(t *testing.T) {
	budget := verdict.Budget{Limit: 40, Window: time.Second, Burst: 5}
	const herd = 10_000
	inFleet(t, budget, sim.Config{BanAfter: -1}, func(f *fleet) {
		members := []*member{f.start("a"), f.start("b"), f.start("c")}
		for n, m := range members {
			f.post(m, n*herd/3, (n+1)*herd/3)
		}
		for round := range 12 { // a restart doesn't begin with a full budget
			time.Sleep(time.Minute)
			n := round % len(members)
			f.end(members[n])
			members[n] = f.start(string(rune('a' + n)))
		}
		for _, m := range members {
			f.end(m)
		}
		if n := f.most(budget.Window); n > budget.Limit {
			t.Errorf("%d checks in %s, the budget is %d", n, budget.Window, budget.Limit)
		}
		t.Logf("%d checks, at most %d in any second; %d of %d without their verdict", len(f.checks), f.most(budget.Window), f.unsettled(), herd)
		if len(f.checks) < 8000 {
			t.Errorf("%d checks in twelve minutes: the budget isn't used", len(f.checks))
		}
	})
}

// halfAnHour plays half an hour of transactions, with a burst in the middle.
func (f *fleet) halfAnHour() {
	f.t.Helper()
	m := f.start("a")
	for n := range 450 {
		f.post(m, n, n+1)
		time.Sleep(4 * time.Second)
		if n == 225 {
			f.post(m, 1000, 1100)
		}
	}
	time.Sleep(20 * time.Minute)
	f.end(m)
	if n := f.unsettled(); n > 0 {
		f.t.Errorf("%d transactions without their verdict", n)
	}
	f.t.Logf("%d checks, at most %d in a minute; %+v", len(f.checks), f.most(time.Minute), f.partner.Stats())
}

func TestAPartnerWhoseLimitIsKnownNeverRefuses(t *testing.T) {
	inFleet(t, verdict.Budget{Limit: 30, Window: time.Minute, Burst: 3}, sim.Config{BanAfter: 30}, func(f *fleet) {
		f.halfAnHour()
		if s := f.partner.Stats(); s.Throttled > 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestAPartnerWhoseLimitIsUnknownRefusesOnce(t *testing.T) {
	inFleet(t, verdict.Budget{Limit: 60, Window: time.Minute, Burst: 1}, sim.Config{BanAfter: 30}, func(f *fleet) {
		f.halfAnHour()
		if s := f.partner.Stats(); s.Throttled > 1 || s.Bans > 0 {
			t.Errorf("%+v", s)
		} else if s.Throttled == 0 {
			t.Error("the limit was never met: the test proves nothing")
		}
	})
}
