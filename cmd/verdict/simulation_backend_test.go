package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/knadh/koanf/v2"

	"verdict"
	"verdict/hub/notify"
	"verdict/provider/providertest"
	"verdict/web/admin"
)

// simBackend is the backend of a tenant's app, which misbehaves, behind a network that misbehaves too. It keeps what it was
// told.
type simBackend struct {
	u      *universe
	tenant string
	mood   string
	gone   atomic.Bool // it answers 410 until an operator sees to it
	pipe   *providertest.Pipe
	server *http.Server
	ended  chan error
}

// moods are how backends are while there is chaos; one that is gone stays so for longer.
var moods = []string{"well", "ill", "dead", "gone"}

func (u *universe) openBackends() {
	for _, tenant := range simTenants {
		b := &simBackend{u: u, tenant: tenant, pipe: providertest.NewPipe(), ended: make(chan error, 1)}
		b.mood = moods[u.draw("mood of "+tenant).IntN(len(moods))]
		b.gone.Store(b.mood == "gone")
		b.server = &http.Server{Handler: b, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		b.server.SetKeepAlivesEnabled(false) // so that each attempt has a connection, and a fate, of its own
		go func() { b.ended <- b.server.Serve(b.pipe) }()
		u.backends = append(u.backends, b)
	}
}

func (u *universe) closeBackends() (err error) {
	for _, b := range u.backends {
		err = errors.Join(err, b.server.Close(), ignoreClosed(<-b.ended))
	}
	return err
}

// notify configures an endpoint for each backend, each in a form of its own.
func (u *universe) notify(k *koanf.Koanf) {
	for _, tenant := range simTenants {
		at := "notify." + tenant + "."
		set(k, at+"url", "http://"+tenant+".example/verdicts")
		set(k, at+"tenant", tenant)
		set(k, at+"secrets", []string{whsec("old " + tenant), whsec("new " + tenant)})
	}
	set(k, "notify.south.format", "callback")
	set(k, "notify.south.body", `{"transaction":"{transaction}","status":"{status}"}`)
}

// endpoints are those of the configuration, each over its backend's network.
func (u *universe) endpoints(l *life, c config) ([]notify.Endpoint, error) {
	all, err := c.endpoints()
	for i, b := range u.backends {
		if err == nil {
			all[i].Dial = b.dialFrom(l) // both are in the order of their names
		}
	}
	return all, err
}

// dialFrom returns what an instance reaches the backend with.
func (b *simBackend) dialFrom(l *life) dialFunc {
	dial := b.u.network(partnerFates, func(ctx context.Context, _ string) (net.Conn, error) { return b.pipe.Dial(ctx, "", "") })
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(withOperation(ctx, l.name+" tells "+b.tenant), network, address)
		if err != nil {
			return nil, err
		}
		held := l.keep(conn)
		if err := l.awake(held.after); err != nil {
			held.Close()
			return nil, err
		}
		return held, nil
	}
}

func (b *simBackend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t := noticed{
		tenant: b.tenant, at: time.Now(), notice: r.Header.Get("Webhook-Id"),
		stamp: r.Header.Get("Webhook-Timestamp"), proof: r.Header.Get("Webhook-Signature"),
	}
	var err error
	if t.body, err = io.ReadAll(r.Body); err != nil {
		return
	}
	wait := time.Duration(0)
	t.status, wait = b.answer(b.u.draw("backend " + b.tenant + " " + t.notice))
	b.u.note(b.tenant, "is told %s %s, answers %d after %s", t.notice, t.body, t.status, wait)
	b.u.evidence.tell(t)
	if t.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "20")
	}
	if sleep(r.Context(), wait) == nil {
		w.WriteHeader(t.status)
	}
}

// answer draws how the backend answers, and how long that takes: more than verdict.NoticeTimeout if it is dead.
func (b *simBackend) answer(r *rand.Rand) (status int, wait time.Duration) {
	wait, status = between(r, time.Millisecond, 100*time.Millisecond), http.StatusNoContent
	n := r.IntN(100)
	switch {
	case b.gone.Load() && n < 80:
		b.u.happened.hit("backend: 410")
		status = http.StatusGone
	case !b.u.chaos.Load():
	case n < 10:
		b.u.happened.hit("backend: slow")
		wait = between(r, time.Second, 14*time.Second)
	case b.mood == "dead" && n < 80:
		b.u.happened.hit("backend: no answer")
		wait = between(r, verdict.NoticeTimeout+time.Second, time.Minute)
	case b.mood == "ill" && n < 60:
		b.u.happened.hit("backend: 500")
		status = http.StatusInternalServerError
	case b.mood == "ill" && n < 70:
		b.u.happened.hit("backend: 503 with Retry-After")
		status = http.StatusServiceUnavailable
	}
	return status, wait
}

// operate is what an operator does once there are no more faults: has some backends told again, what waits and what was
// told, and enables what was disabled, unless that is left for later.
func (u *universe) operate(ctx context.Context, p plan) {
	r := u.draw("operator")
	if sleep(ctx, between(r, time.Second, 10*time.Second)) != nil {
		return
	}
	if !p.patient {
		u.enableAll()
	}
	list, err := u.audit.Settled(ctx, nil, 0, p.keys)
	for _, t := range list {
		if err == nil && r.IntN(3) > 0 {
			u.desk("POST /v1/transactions/{id}/notify", "id", t.ID)
			err = sleep(ctx, between(r, time.Millisecond, 100*time.Millisecond))
		}
	}
	if err != nil {
		u.note("operator", "%v", err)
	}
}

// enableAll has the backends that were gone come back, and enables each endpoint that is disabled.
func (u *universe) enableAll() {
	for _, b := range u.backends {
		b.gone.Store(false)
	}
	for _, e := range u.ends() {
		if e.Disabled() {
			u.evidence.door(door{time.Now(), e.Name, false})
			u.happened.hit("an endpoint was enabled")
			u.desk("POST /v1/endpoints/{name}/enable", "name", e.Name)
			time.Sleep(time.Millisecond)
		}
	}
}

// desk does what an operator asks for.
func (u *universe) desk(pattern, name, value string) {
	d := admin.Desk{Store: u.audit, Log: slog.New(simLog{u, "operator"})}
	for _, route := range d.Routes() {
		if route.Pattern == pattern {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.SetPathValue(name, value)
			_, err := route.Answer(r, nil) // stale if it was told at this moment
			u.note("operator", "%s %s: %v", pattern, value, err)
		}
	}
}

// ends are the endpoints as they are on record; none if they can't be read.
func (u *universe) ends() []verdict.Endpoint {
	all, err := u.audit.Endpoints(context.Background())
	if err != nil {
		u.note("operator", "%v", err)
	}
	return all
}

// told reports whether no backend is to be told anything, but where its endpoint is disabled.
func (u *universe) told() bool {
	for _, e := range u.ends() {
		if e.Pending > 0 && !e.Disabled() {
			return false
		}
	}
	return true
}
