// Package rest is the adapter of partners that are described in the configuration: what a submit and a check look like, and
// what answers and webhooks mean. Most partners that speak JSON over HTTP need no other.
//
// What isn't described is uncertain. What is said of a transaction is put into requests by construction: no payload can add
// a member, a header or a segment of a path.
package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"verdict"
	"verdict/provider/wire"
)

// Provider is the adapter. It is safe for concurrent use and holds no connection between calls.
type Provider struct {
	config Config
	client *wire.Client
	auth   auth
	described
}

var _ verdict.Provider = (*Provider)(nil)

// New returns the adapter, or an error that names the setting at fault and the mend. It doesn't call the partner.
func New(c Config) (*Provider, error) {
	if err := errors.Join(c.validateLimits(), c.validateSecrets()); err != nil {
		return nil, err
	}
	client, err := wire.New(c.URL, c.Dial, c.AllowPrivate, c.Submits+c.Checks)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	p := &Provider{config: c, client: client}
	if p.auth, err = c.Auth.compile(c, client); err != nil {
		return nil, fmt.Errorf("auth.%w", err)
	}
	if p.described, err = c.compile(); err != nil {
		return nil, err
	}
	for _, one := range []call{p.submit, p.check} {
		if _, twice := one.headers[p.auth.header]; twice {
			return nil, fmt.Errorf("headers.%s: auth makes it; leave it out", p.auth.header)
		}
	}
	return p, nil
}

// Submit makes the described request. A payload that it can't be made of fails for good, since it is provably without effect
// and always will be. A 401 that isn't described is as good as not sent, where credentials are.
func (p *Provider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	payload, err := wire.Value(s.Payload)
	if _, isObject := payload.(map[string]any); err != nil || !isObject {
		return verdict.Answer{Outcome: verdict.OutcomeFailed, Reason: "payload: give a JSON object"}, nil
	}
	r, err := p.submit.fill(values{s.Reference, s.WebhookURL, payload})
	if err != nil {
		return verdict.Answer{Outcome: verdict.OutcomeFailed, Reason: err.Error()}, nil
	}
	token, err := p.auth.set(ctx, s.Deadline, r.header)
	if err != nil {
		return verdict.Answer{}, err
	}
	reply, err := p.client.Send(ctx, s.Deadline, p.submit.method, r.path, r.header, r.body)
	if err != nil {
		return verdict.Answer{Raw: reply.Body}, err
	}
	return p.weigh(p.submit, reply, s.Reference, token)
}

// Check makes the described request.
func (p *Provider) Check(ctx context.Context, q verdict.Question) (verdict.Answer, error) {
	r, err := p.check.fill(values{reference: q.Reference})
	if err != nil {
		return verdict.Answer{}, fmt.Errorf("%w: %w", err, verdict.ErrUncertain)
	}
	token, err := p.auth.set(ctx, q.Deadline, r.header)
	if err != nil {
		return verdict.Answer{}, err
	}
	reply, err := p.client.Call(ctx, q.Deadline, p.check.method, r.path, r.header, r.body)
	if err != nil {
		return verdict.Answer{Raw: reply.Body}, fmt.Errorf("%w: %w", err, verdict.ErrUncertain)
	}
	return p.weigh(p.check, reply, q.Reference, token)
}

// weigh says what a reply means.
func (p *Provider) weigh(c call, r wire.Reply, reference, token string) (verdict.Answer, error) {
	a, err := c.answers.read(r, reference)
	if errors.Is(err, verdict.ErrUncertain) && r.Status == http.StatusUnauthorized && p.auth.header != "" {
		return a, p.auth.refused(token)
	}
	return a, err
}

// ReadWebhook reads the body as it is described. Where that says which transaction it is about, Reference has it: whether it is
// the one that the webhook's URL was made for, only the caller can tell.
func (p *Provider) ReadWebhook(body []byte) (verdict.Answer, error) {
	return p.webhooks.read(wire.Reply{Body: body}, "")
}

// Authenticate gets what proves who we are, and says what that is. It fetches an access token if there is none.
// Its errors are those of a submit.
func (p *Provider) Authenticate(ctx context.Context) (means string, err error) {
	switch {
	case p.auth.tokens != nil:
		_, err = p.auth.tokens.Get(ctx)
		return "an access token", err
	case p.auth.header != "":
		return p.config.Auth.Type + " credentials with each call", nil
	}
	return "", nil
}

// Traits returns the partner's ways, as they are described.
func (p *Provider) Traits() verdict.Traits {
	return verdict.Traits{
		Deduplicates:   p.config.Deduplicates,
		WebhookSettles: p.config.WebhookSettles,
		NotFoundFinal:  p.config.NotFoundFinal,
		SubmitTimeout:  p.config.SubmitTimeout,
		Submits:        p.config.Submits,
		Checks:         p.config.Checks,
		Budget:         budget,
	}
}
