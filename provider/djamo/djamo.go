// Package djamo is the adapter of a partner that decides slowly, calls back by an unsigned webhook in four cases of
// five, and doesn't deduplicate: to send the same id again is to act again.
//
// A submit may therefore be repeated only on proof that it never left, which package wire gives.
package djamo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"verdict"
	"verdict/provider/wire"
)

// settlesWithin is how long after the request all was final that became final, as it was observed.
const settlesWithin = 2 * time.Minute

// budget is a guess: the partner blocks clients that check too often, and doesn't publish its limit.
var budget = verdict.Budget{Limit: 60, Window: time.Minute, Burst: 1}

// Provider is the adapter. It is safe for concurrent use.
type Provider struct {
	config Config
	client *wire.Client
}

var _ verdict.Provider = (*Provider)(nil)

// New returns the adapter, or an error that names the setting at fault and the mend. It doesn't call the partner.
func New(c Config) (*Provider, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	client, err := wire.New(c.URL, c.Dial, c.AllowPrivate, c.Submits+c.Checks)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	return &Provider{config: c, client: client}, nil
}

// Submit posts the app's payload under our reference. Only a 200 about that reference is an answer, and only a 429 a
// refusal. A 504 says nothing: half of them are carried out later. ctx bounds the wait.
func (p *Provider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	body, err := order(s)
	if err != nil {
		return verdict.Answer{}, fmt.Errorf("%w: %w", err, verdict.ErrNotSent)
	}
	r, err := p.client.Send(ctx, s.Deadline, http.MethodPost, "transaction", nil, body)
	a := verdict.Answer{Raw: r.Body}
	switch {
	case err != nil:
		return a, err
	case r.Status == http.StatusTooManyRequests:
		return a, r.Throttled()
	case r.Status == http.StatusOK:
		return readAbout(s.Reference, r.Body)
	}
	return a, r.Undecided()
}

// Check asks for the transaction. A 429 or 403 means that we ask too often. Only a 404 without a body is the partner's
// own "not found": one with a body comes from something in front of it, which knows nothing of transactions.
func (p *Provider) Check(ctx context.Context, q verdict.Question) (verdict.Answer, error) {
	r, err := p.client.Call(ctx, q.Deadline, http.MethodGet, "transaction/"+url.PathEscape(q.Reference), nil, nil)
	a := verdict.Answer{Raw: r.Body}
	switch {
	case err != nil:
		return a, fmt.Errorf("%w: %w", err, verdict.ErrUncertain)
	case r.Status == http.StatusTooManyRequests, r.Status == http.StatusForbidden:
		return a, r.Throttled()
	case r.Status == http.StatusNotFound && len(r.Body) == 0:
		a.Outcome = verdict.OutcomeNotFound
		return a, nil
	case r.Status == http.StatusOK:
		return readAbout(q.Reference, r.Body)
	}
	return a, r.Undecided()
}

// ReadWebhook reads what the partner posted. The id it names is in Reference: whether that is the transaction the
// webhook's URL was made for, only the caller can tell.
func (p *Provider) ReadWebhook(body []byte) (verdict.Answer, error) { return read(body) }

// Traits returns the partner's ways. A webhook may settle although it is unsigned, because it comes to a URL that only
// the partner was told.
func (p *Provider) Traits() verdict.Traits {
	return verdict.Traits{
		Deduplicates:   false,
		WebhookSettles: true,
		NotFoundFinal:  p.config.NotFoundFinal,
		SettlesWithin:  settlesWithin,
		SubmitTimeout:  p.config.SubmitTimeout,
		Submits:        p.config.Submits,
		Checks:         p.config.Checks,
		Budget:         budget,
	}
}
