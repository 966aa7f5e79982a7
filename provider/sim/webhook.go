package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// errDropped: a webhook was never posted.
var errDropped = errors.New("dropped")

func newClient(t http.RoundTripper) *http.Client {
	if t == nil {
		t = &http.Transport{MaxConnsPerHost: maxDeliveries, MaxIdleConnsPerHost: 16, IdleConnTimeout: 10 * time.Second}
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver posts a webhook, once, and keeps what came of it.
func (p *core) deliver(j *job, w webhook) {
	call := Call{Status: w.status, At: time.Now().UTC()}
	code, err := p.call(j, w.status)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case errors.Is(err, errDropped):
		p.stats.Webhooks.Dropped++
		call.Outcome = err.Error()
	case err != nil:
		p.stats.Webhooks.Failed++
		call.Outcome = "no answer: " + err.Error()
	case code < 200 || code > 299:
		p.stats.Webhooks.Failed++
		call.Outcome = strconv.Itoa(code)
	default:
		p.stats.Webhooks.Sent++
		call.Outcome = strconv.Itoa(code)
	}
	p.ledger.note(j.seq, call)
	p.log.Info("webhook", "id", j.ID, "status", w.status, "outcome", call.Outcome)
}

// call makes a webhook and returns the status of the answer.
func (p *core) call(j *job, status string) (int, error) {
	if p.ctx.Err() != nil {
		return 0, fmt.Errorf("%w: the partner was closed", errDropped)
	}
	if u, err := url.Parse(j.WebhookURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return 0, fmt.Errorf("%w: no usable webhookUrl", errDropped)
	}
	select {
	case p.deliveries <- struct{}{}:
		defer func() { <-p.deliveries }()
	default:
		return 0, fmt.Errorf("%w: too many under way", errDropped)
	}
	method, content := j.tell(status)
	body, err := json.Marshal(content)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(p.ctx, max(p.scale(webhookTimeout), minWebhookTimeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, j.WebhookURL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.GetBody = nil // or net/http may post it again
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		return 0, failed.Err // without the URL, which is a secret of client and partner
	}
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, resp.Body.Close()
}
