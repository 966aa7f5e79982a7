package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path"
	"strings"
	"time"

	"verdict"
	"verdict/provider/djamo"
	"verdict/provider/providertest"
	"verdict/provider/sim"
)

// simPartner is the misbehaving partner behind a network that misbehaves too, and the log of what reached it and of what
// it told.
type simPartner struct {
	u       *universe
	partner *sim.Partner
	pipe    *providertest.Pipe
	server  *http.Server
	ended   chan error
}

// partnerFates are what a call to the partner may meet with, and a webhook of its.
var partnerFates = []fate{fateRefused, fateUnheard, fateReset, fateLost, fateTruncated}

func (u *universe) openPartner(banAfter int) error {
	p := &simPartner{u: u, pipe: providertest.NewPipe(), ended: make(chan error, 1)}
	var err error
	p.partner, err = sim.New(sim.Config{
		Seed: int64(u.seed), BanAfter: banAfter, BanFor: 2 * time.Minute,
		Transport: &webhooks{u, clientTransport(u.network(partnerFates, u.dialAny))},
	})
	if err != nil {
		return err
	}
	p.server = &http.Server{Handler: p, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go func() { p.ended <- p.server.Serve(p.pipe) }()
	u.partner = p
	return nil
}

func (p *simPartner) close() error {
	err := errors.Join(p.partner.Close(), p.server.Close())
	return errors.Join(err, ignoreClosed(<-p.ended))
}

// ServeHTTP keeps the access log.
func (p *simPartner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := access{at: time.Now(), post: r.Method == http.MethodPost, id: path.Base(r.URL.Path)}
	if a.post {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var order struct {
			ID  string `json:"id"`
			Key string `json:"key"`
		}
		_ = json.Unmarshal(body, &order)
		a.id, a.key = order.ID, order.Key
	}
	answer := &answerLog{ResponseWriter: w, status: http.StatusOK}
	p.u.note("partner", "%s %s %s arrives", r.Method, a.id, a.key)
	defer func() {
		a.status = answer.status
		p.u.note("partner", "%s %s: %d %s", r.Method, a.id, a.status, strings.TrimSpace(answer.text.String()))
		p.u.evidence.access(a)
	}()
	p.partner.ServeHTTP(answer, r)
}

// answerLog keeps what was answered, without the webhook's URL.
type answerLog struct {
	http.ResponseWriter
	status int
	text   bytes.Buffer
}

func (a *answerLog) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answerLog) Write(b []byte) (int, error) {
	text, _, _ := bytes.Cut(b, []byte(`,"webhookUrl"`))
	a.text.Write(text)
	return a.ResponseWriter.Write(b)
}

// webhooks carries the partner's webhooks and keeps what came of each.
type webhooks struct {
	u    *universe
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
	c := webhookCall{id: id, body: body, at: time.Now()}
	answer, err := h.next.RoundTrip(r)
	if err == nil {
		c.status, c.answered = answer.StatusCode, time.Now()
	}
	h.u.note("webhook", "%s %s: %d", id, body, c.status)
	h.u.evidence.webhook(c)
	return answer, err
}

// adapters returns the real adapters of an instance, over the partner's network.
func (p *simPartner) adapters(l *life) (map[string]verdict.Provider, error) {
	c := djamo.Defaults()
	c.URL = "http://partner"
	dial := p.u.network(partnerFates, func(ctx context.Context, _ string) (net.Conn, error) { return p.pipe.Dial(ctx, "", "") })
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		held := l.keep(conn)
		if err := l.awake(held.after); err != nil {
			held.Close()
			return nil, err
		}
		return &callConn{held}, nil
	}
	adapter, err := djamo.New(c)
	if err != nil {
		return nil, err
	}
	return map[string]verdict.Provider{"djamo": &simProvider{l, adapter}}, nil
}

// callConn is a call to the partner. A paused instance doesn't begin one; one that has begun goes out.
type callConn struct{ *heldConn }

func (c *callConn) Write(b []byte) (int, error) { return c.Conn.Write(b) }

// simProvider is an adapter whose instance may die or be paused around a call.
type simProvider struct {
	*life
	verdict.Provider
}

func (p *simProvider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	if err := p.point("before a call", s.Reference); err != nil {
		return verdict.Answer{}, errors.Join(verdict.ErrNotSent, err)
	}
	p.u.note(p.name, "submits %s", s.Reference)
	a, err := p.Provider.Submit(withOperation(ctx, p.name+" submit "+s.Reference), s)
	if errors.Is(err, verdict.ErrNotSent) {
		p.u.happened.hit("provably nothing was sent")
	}
	return a, errors.Join(err, p.point("after a call", s.Reference))
}

func (p *simProvider) Check(ctx context.Context, reference string) (verdict.Answer, error) {
	p.u.evidence.ask(question{time.Now(), p.name, reference}) // when it was decided: in the nanosecond of its read
	p.u.note(p.name, "checks %s", reference)
	if err := p.point("before a check", reference); err != nil {
		return verdict.Answer{}, err
	}
	a, err := p.Provider.Check(withOperation(ctx, p.name+" check "+reference), reference)
	return a, errors.Join(err, p.point("after a check", reference))
}
