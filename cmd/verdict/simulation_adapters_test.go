package main

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"verdict"
)

// adapters returns the real adapters of an instance, each over its partner's network.
func (u *universe) adapters(l *life) (map[string]verdict.Provider, error) {
	adapters := map[string]verdict.Provider{}
	for _, p := range u.partners {
		adapter, err := p.adapter(p.dialFrom(l))
		if err != nil {
			return nil, err
		}
		traits := adapter.Traits()
		traits.Budget = u.budget()
		adapters[p.name] = &simProvider{life: l, Provider: tuned{adapter, traits}, partner: p.name}
	}
	return adapters, nil
}

// dialFrom returns what an instance reaches the partner with.
func (p *simPartner) dialFrom(l *life) dialFunc {
	dial := p.u.network(partnerFates, func(ctx context.Context, _ string) (net.Conn, error) { return p.pipe.Dial(ctx, "", "") })
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		held := l.keep(conn)
		if err := l.awake(held.after); err != nil {
			held.Close()
			return nil, err
		}
		return &callConn{held, sync.OnceFunc(func() {
			if submitted, ok := ctx.Value(submittedKey{}).(simOrder); ok {
				p.u.evidence.leave(submitted)
			}
		})}, nil
	}
}

// submittedKey is the context key of the order that a connection is dialled to submit.
type submittedKey struct{}

// callConn is a call to a partner. A paused instance doesn't begin one; one that has begun goes out.
type callConn struct {
	*heldConn
	leave func() // called before the first byte
}

func (c *callConn) Write(b []byte) (int, error) {
	c.leave()
	return c.Conn.Write(b)
}

// simProvider is an adapter whose instance may die or be paused around a call.
type simProvider struct {
	*life
	verdict.Provider
	partner string
}

func (p *simProvider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	if err := p.point("before a call", s.Reference); err != nil {
		return verdict.Answer{}, errors.Join(verdict.ErrNotSent, err)
	}
	p.u.note(p.name, "submits %s", s.Reference)
	ctx = context.WithValue(ctx, submittedKey{}, simOrder{p.partner, s.Reference})
	a, err := p.Provider.Submit(withOperation(ctx, p.name+" submit "+s.Reference), s)
	if errors.Is(err, verdict.ErrNotSent) {
		p.u.happened.hit("provably nothing was sent")
	}
	return a, errors.Join(err, p.after("a call", s.Reference))
}

func (p *simProvider) Check(ctx context.Context, q verdict.Question) (verdict.Answer, error) {
	reference := q.Reference
	p.u.evidence.ask(question{simOrder{p.partner, reference}, time.Now(), p.name}) // when it was decided: in the nanosecond of its read
	p.u.note(p.name, "checks %s", reference)
	if err := p.point("before a check", reference); err != nil {
		return verdict.Answer{}, err
	}
	a, err := p.Provider.Check(withOperation(ctx, p.name+" check "+reference), q)
	return a, errors.Join(err, p.after("a check", reference))
}

// after is the point after a call. Calls that waited for the same access token may end in the same nanosecond, so each
// takes a while of its own before it.
func (p *simProvider) after(call, reference string) error {
	if err := p.reach(context.Background(), p.moment("end of "+call+" "+reference)); err != nil {
		return err
	}
	return p.point("after "+call, reference)
}
