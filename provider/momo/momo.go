// Package momo is the adapter of MTN MoMo Collections: a request to pay is taken at once, the payer approves it on the
// phone within minutes, and the partner calls back by an unsigned webhook, or doesn't.
//
// The partner deduplicates on our reference: sent again, it is answered 409 and acts once. So what may or may not have
// arrived is never a danger, only a question, and a check answers it.
//
// Facts are from the partner's manual (https://momodeveloper.mtn.com/api-documentation) where nothing else is said.
package momo

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"verdict"
	"verdict/provider/wire"
)

// settlesWithin is after how long without a callback the manual has us check.
const settlesWithin = 5 * time.Minute

// budget is the manual's limit.
var budget = verdict.Budget{Limit: 10, Window: time.Second, Burst: 1}

// Provider is the adapter. It is safe for concurrent use.
type Provider struct {
	config Config
	client *wire.Client
	tokens *wire.Tokens
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
	p := &Provider{config: c, client: client}
	p.tokens = wire.NewTokens(p.fetchToken)
	return p, nil
}

// Submit asks the partner to have a payer pay. The payload's members are amount and payer (a phone number with its
// country code, digits only), and if need be currency, externalId, payerMessage and payeeNote; others are the app's own.
// A payload that can't be made a request of fails for good, since it is provably without effect and always will be.
//
// A 202 says that the partner has it, and a 409 that it had it before; the verdict comes later. An error with a code
// that refuses the request is a decline. A 401 turns it away at the door (RFC 9110 section 15.5.2), which is as good as
// not sent, and worth another try with a new token. Without a token nothing of the submit is sent.
func (p *Provider) Submit(ctx context.Context, s verdict.Submission) (verdict.Answer, error) {
	body, err := order(s, p.config.Currency)
	if err != nil {
		return verdict.Answer{Outcome: verdict.OutcomeFailed, Reason: err.Error()}, nil
	}
	id, err := wireReference(s.Reference)
	if err != nil {
		return verdict.Answer{}, err
	}
	token, err := p.tokens.Before(ctx, s.Deadline)
	if err != nil {
		return verdict.Answer{}, err
	}
	header := p.header(token)
	header.Set("X-Reference-Id", id)
	if s.WebhookURL != "" {
		header.Set("X-Callback-Url", s.WebhookURL) // the partner refuses an empty one
	}
	r, err := p.client.Send(ctx, s.Deadline, http.MethodPost, "collection/v1_0/requesttopay", header, body)
	if err != nil {
		return verdict.Answer{Raw: r.Body}, err
	}
	return p.weigh(r, token)
}

// weigh says what the answer to a submit means.
func (p *Provider) weigh(r wire.Reply, token string) (verdict.Answer, error) {
	a := verdict.Answer{Raw: r.Body}
	switch r.Status {
	case http.StatusAccepted, http.StatusConflict:
		a.Outcome = verdict.OutcomePending
		return a, nil
	case http.StatusUnauthorized:
		return a, p.tokens.Refused(token)
	case http.StatusTooManyRequests:
		return a, r.Throttled()
	case http.StatusBadRequest, http.StatusInternalServerError:
		if code := errorCode(r.Body); refuses(code) {
			a.Outcome, a.Reason = verdict.OutcomeFailed, code
			return a, nil
		}
	}
	return a, r.Undecided()
}

// Check asks for the transaction. A 429 or 403 means that we ask too often. Only a 404 with the partner's own code is
// its "not found": another comes from something in front of it, which knows nothing of transactions.
func (p *Provider) Check(ctx context.Context, q verdict.Question) (verdict.Answer, error) {
	id, err := wireReference(q.Reference)
	if err != nil {
		return verdict.Answer{}, err
	}
	token, err := p.tokens.Get(ctx)
	if err != nil {
		return verdict.Answer{}, err
	}
	r, err := p.client.Call(ctx, q.Deadline, http.MethodGet, "collection/v1_0/requesttopay/"+id, p.header(token), nil)
	a := verdict.Answer{Raw: r.Body}
	switch {
	case err != nil:
		return a, fmt.Errorf("%w: %w", err, verdict.ErrUncertain)
	case r.Status == http.StatusUnauthorized:
		return a, p.tokens.Refused(token)
	case r.Status == http.StatusTooManyRequests, r.Status == http.StatusForbidden:
		return a, r.Throttled()
	case r.Status == http.StatusNotFound && errorCode(r.Body) == codeNotFound:
		a.Outcome = verdict.OutcomeNotFound
		return a, nil
	case r.Status == http.StatusOK:
		return readAbout(q.Reference, r.Body)
	}
	return a, r.Undecided()
}

// ReadWebhook reads what the partner sent: the shape of its answer to a check. Mostly that doesn't name our reference;
// then Reference is empty, and the webhook's URL is all that tells which transaction it is about.
func (p *Provider) ReadWebhook(body []byte) (verdict.Answer, error) { return read(body) }

// Traits returns the partner's ways. A webhook only pulls a check forward: it is unsigned, and a check costs little.
func (p *Provider) Traits() verdict.Traits {
	return verdict.Traits{
		Deduplicates:   true,
		WebhookSettles: false,
		NotFoundFinal:  p.config.NotFoundFinal,
		SettlesWithin:  settlesWithin,
		SubmitTimeout:  p.config.SubmitTimeout,
		Submits:        p.config.Submits,
		Checks:         p.config.Checks,
		Budget:         budget,
	}
}

// header returns what every call about a request to pay carries.
func (p *Provider) header(token string) http.Header {
	h := http.Header{}
	h.Set("Authorization", "Bearer "+token)
	h.Set("Ocp-Apim-Subscription-Key", p.config.SubscriptionKey)
	h.Set("X-Target-Environment", p.config.TargetEnvironment)
	return h
}

// fetchToken asks the partner for a token, once. It posts a JSON body: without one the partner answers 411, and to a form
// it answers 200 with a page of HTML (seen by integrators).
func (p *Provider) fetchToken(ctx context.Context) (token string, life time.Duration, err error) {
	h := http.Header{}
	credentials := base64.StdEncoding.EncodeToString([]byte(p.config.APIUser + ":" + p.config.APIKey))
	h.Set("Authorization", "Basic "+credentials)
	h.Set("Ocp-Apim-Subscription-Key", p.config.SubscriptionKey)
	r, err := p.client.Call(ctx, time.Time{}, http.MethodPost, "collection/token/", h, []byte("{}"))
	return wire.Granted(r, err, "api_user, api_key and subscription_key")
}

// Authenticate fetches an access token if there is none. Its errors are those of a submit.
func (p *Provider) Authenticate(ctx context.Context) (means string, err error) {
	_, err = p.tokens.Get(ctx)
	return "an access token", err
}
