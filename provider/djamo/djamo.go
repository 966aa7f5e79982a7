// Package djamo is the adapter of a partner that decides slowly, calls back by an unsigned webhook in four cases of
// five, and doesn't deduplicate: to send the same id again is to act again.
//
// A submit may therefore be repeated only on proof that it never left. The proof is a gate on the connection, see gate:
// every request has a connection of its own, and its first byte passes the gate or never leaves.
package djamo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"verdict"
)

// Provider is the adapter. It is safe for concurrent use and holds no connection between calls.
type Provider struct {
	config    Config
	base      *url.URL
	transport *http.Transport
}

var _ verdict.Provider = (*Provider)(nil)

// New returns the adapter, or an error that names the setting at fault and the mend. It doesn't call the partner.
func New(c Config) (*Provider, error) {
	return newProvider(c, (&net.Dialer{Timeout: connectTimeout}).DialContext)
}

func newProvider(c Config, dial dialFunc) (*Provider, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	base, err := c.base()
	if err != nil {
		return nil, err
	}
	return &Provider{config: c, base: base, transport: newTransport(dial, c.Submits+c.Checks)}, nil
}

// Submit posts the app's payload under our reference. Only a 200 about that reference is an answer, and only a 429 a
// refusal. A 504 says nothing: half of them are carried out later. ctx bounds the wait.
func (p *Provider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	body, err := order(s)
	if err != nil {
		return verdict.Answer{}, fmt.Errorf("%w: %w", err, verdict.ErrNotSent)
	}
	g := &gate{ready: func() error { return inTime(ctx, s.Deadline) }}
	r, err := p.call(g.guard(ctx), http.MethodPost, p.base.JoinPath("transaction"), body)
	a := verdict.Answer{Raw: r.body}
	if !g.close() { // also if there is an answer: it came before we spoke
		return a, fmt.Errorf("%s: %w", plain(err), verdict.ErrNotSent)
	}
	switch {
	case err != nil:
		return a, fmt.Errorf("%s: %w", plain(err), verdict.ErrUncertain)
	case r.status == http.StatusTooManyRequests:
		return a, r.throttled()
	case r.status == http.StatusOK:
		return readAbout(s.Reference, r.body)
	}
	return a, r.undecided()
}

// Check asks for the transaction. A 429 or 403 means that we ask too often. Only a 404 without a body is the partner's
// own "not found": one with a body comes from something in front of it, which knows nothing of transactions.
func (p *Provider) Check(ctx context.Context, reference string) (verdict.Answer, error) {
	r, err := p.call(ctx, http.MethodGet, p.base.JoinPath("transaction", url.PathEscape(reference)), nil)
	a := verdict.Answer{Raw: r.body}
	switch {
	case err != nil:
		return a, fmt.Errorf("%s: %w", plain(err), verdict.ErrUncertain)
	case r.status == http.StatusTooManyRequests, r.status == http.StatusForbidden:
		return a, r.throttled()
	case r.status == http.StatusNotFound && len(r.body) == 0:
		a.Outcome = verdict.OutcomeNotFound
		return a, nil
	case r.status == http.StatusOK:
		return readAbout(reference, r.body)
	}
	return a, r.undecided()
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
		SubmitTimeout:  p.config.SubmitTimeout,
		Submits:        p.config.Submits,
		Checks:         p.config.Checks,
	}
}

// inTime says why a call may not begin any more. Both clocks count: the monotonic one stands still while a machine is
// suspended, and the wall clock can be set back.
func inTime(ctx context.Context, deadline time.Time) error {
	if now := time.Now(); !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0)) {
		return errLate
	}
	return ctx.Err()
}
