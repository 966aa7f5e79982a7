package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"verdict"
	"verdict/provider/providertest"
	"verdict/provider/sim"
)

// partnerKind is what tells a partner from the others. read says what a request is about: a submit of an app's key, a check,
// or neither.
type partnerKind struct {
	name           string
	deduplicates   bool // it acts once on a reference, however often that is posted
	webhookSettles bool // else it only pulls a check forward
	byDefault      bool // it is the partner of requests that name none
	simulate       func(sim.Config) (simulator, error)
	adapter        func(dial dialFunc) (verdict.Provider, error)
	read           func(r *http.Request, body []byte) (kind verdict.Kind, id, key string)
	ours           func(id string) string                           // our reference for one of its ledger
	payload        func(u *universe, key string, amount int) string // the members of an app's payload
}

// partnerKinds are the partners of every universe.
func partnerKinds() []partnerKind { return []partnerKind{djamoKind(), momoKind()} }

// partnerOf is the kind of the partner that a key's transaction goes to.
func (u *universe) partnerOf(key string) partnerKind {
	kinds := partnerKinds()
	return kinds[u.always("partner of "+key).IntN(len(kinds))]
}

// simulator is a partner of package sim.
type simulator interface {
	http.Handler
	Ledger() []sim.Effect
	Close() error
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// simPartner is a misbehaving partner behind a network that misbehaves too, and the log of what reached it and of what
// it told.
type simPartner struct {
	partnerKind
	u         *universe
	simulator simulator
	pipe      *providertest.Pipe
	server    *http.Server
	ended     chan error
}

// partnerFates are what a call to a partner may meet with, and a webhook of its.
var partnerFates = []fate{fateRefused, fateUnheard, fateReset, fateLost, fateTruncated}

func (u *universe) openPartners(banAfter int) error {
	for _, kind := range partnerKinds() {
		p := &simPartner{partnerKind: kind, u: u, pipe: providertest.NewPipe(), ended: make(chan error, 1)}
		var err error
		p.simulator, err = kind.simulate(sim.Config{
			Seed: int64(u.seed), BanAfter: banAfter, BanWindow: time.Minute, BanFor: 2 * time.Minute,
			Transport: &webhooks{p, clientTransport(u.network(partnerFates, u.dialAny))},
		})
		if err != nil {
			return err
		}
		p.server = &http.Server{Handler: p, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
		go func() { p.ended <- p.server.Serve(p.pipe) }()
		u.partners = append(u.partners, p)
	}
	return nil
}

// partner returns the one of that name.
func (u *universe) partner(name string) *simPartner {
	return u.partners[slices.IndexFunc(u.partners, func(p *simPartner) bool { return p.name == name })]
}

func (u *universe) closePartners() (err error) {
	for _, p := range u.partners {
		err = errors.Join(err, p.simulator.Close(), p.server.Close(), ignoreClosed(<-p.ended))
	}
	return err
}

// ServeHTTP keeps the access log. What answers a token's request is a secret, and random.
func (p *simPartner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	a := access{simOrder: simOrder{partner: p.name}, at: at}
	a.kind, a.id, a.key = p.read(r, body)
	answer := &answerLog{ResponseWriter: w, status: http.StatusOK, secret: a.kind == ""}
	what := strings.TrimSpace(r.Method + " " + string(a.kind) + " " + a.id)
	p.u.note(p.name, "%s %s arrives", what, a.key)
	defer func() {
		a.status = answer.status
		p.u.note(p.name, "%s: %d %s", what, a.status, strings.TrimSpace(answer.text.String()))
		p.u.evidence.access(a)
	}()
	p.simulator.ServeHTTP(answer, r)
}

// answerLog keeps what was answered, without the webhook's URL.
type answerLog struct {
	http.ResponseWriter
	status int
	secret bool
	text   bytes.Buffer
}

func (a *answerLog) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerLog) Write(b []byte) (int, error) {
	if !a.secret {
		text, _, _ := bytes.Cut(b, []byte(`,"webhookUrl"`))
		a.text.Write(text)
	}
	return a.ResponseWriter.Write(b)
}

// webhooks carries a partner's webhooks and keeps what came of each.
type webhooks struct {
	*simPartner
	next http.RoundTripper
}

func (h *webhooks) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	id, _, _ := strings.Cut(path.Base(r.URL.Path), ".")
	r = r.WithContext(withOperation(r.Context(), "webhook for "+id))
	r.Body = io.NopCloser(bytes.NewReader(body))
	c := webhookCall{simOrder: simOrder{h.name, id}, body: body, at: time.Now()}
	answer, err := h.next.RoundTrip(r)
	if err == nil {
		c.status, c.answered = answer.StatusCode, time.Now()
	}
	h.u.note("webhook", "%s %s: %d", id, body, c.status)
	h.u.evidence.webhook(c)
	return answer, err
}
