package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"verdict"
)

// Endpoint is where a backend is told, and how.
type Endpoint struct {
	Name        string
	Tenant      string // whose transactions; empty: everybody's
	Method      string
	URL         string
	Form        verdict.Form
	Signer      *verdict.Signer
	Concurrency int // attempts under way at once
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
}

const (
	connectTimeout = 5 * time.Second // for the connection, and again for TLS

	// maxAnswer is how much of an answer is read, so that its connection can be used again: nothing of it is kept.
	maxAnswer = 16 << 10

	idleTimeout = 90 * time.Second // of a connection that is kept
)

// A caller makes an endpoint's calls. It tries once and says what came of it.
type caller struct {
	endpoint  Endpoint
	transport *http.Transport
}

// newCaller returns a caller that uses no proxy: the address that is judged when it dials is the endpoint's own. Nor does it
// use HTTP/2, which repeats requests by rules of its own.
func newCaller(e Endpoint) caller {
	return caller{e, &http.Transport{
		DialContext: e.Dial, TLSHandshakeTimeout: connectTimeout, DisableCompression: true,
		MaxConnsPerHost: e.Concurrency, MaxIdleConnsPerHost: e.Concurrency, IdleConnTimeout: idleTimeout,
		MaxResponseHeaderBytes: maxAnswer,
	}}
}

// call tells a verdict. It goes to the transport directly, since http.Client would follow redirects.
func (c caller) call(ctx context.Context, t verdict.Transaction) verdict.Receipt {
	ctx, cancel := context.WithTimeout(ctx, verdict.NoticeTimeout)
	defer cancel()
	body := c.endpoint.Form.Body(t)
	req, err := http.NewRequestWithContext(ctx, c.endpoint.Method, c.endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return verdict.Receipt{At: time.Now(), Result: plain(err)}
	}
	req.GetBody = nil // with it net/http may send the body again
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Verdict")
	c.endpoint.Signer.Sign(req.Header, t.NoticeID(), time.Now(), body)
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return verdict.Receipt{At: time.Now(), Result: plain(err)}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status says all
	return receipt(resp, time.Now())
}

// receipt reads an answer as Standard Webhooks 1.0 has it ("Delivery success and failure").
func receipt(resp *http.Response, now time.Time) verdict.Receipt {
	return verdict.Receipt{
		At: now, Answered: true, Taken: resp.StatusCode/100 == 2, Gone: resp.StatusCode == http.StatusGone,
		Wait: wait(resp.Header.Get("Retry-After"), now), Result: fmt.Sprintf("answered %d", resp.StatusCode),
	}
}

// wait reads a Retry-After field: seconds or a date (RFC 9110 section 10.2.3); 0 if it is neither.
func wait(retryAfter string, now time.Time) time.Duration {
	const most = 365 * 24 * time.Hour // more than anybody obeys
	seconds, err := strconv.ParseUint(strings.TrimSpace(retryAfter), 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return min(time.Duration(seconds)*time.Second, most)
	}
	if at, err := http.ParseTime(retryAfter); err == nil {
		return min(max(at.Sub(now), 0), most)
	}
	return 0
}

// plain says what went wrong in words for the support desk. The errors of net/http name addresses and URLs.
func plain(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	case errors.As(err, new(*verdict.AddressError)):
		return "the host points to an address that is not called"
	case errors.As(err, new(*net.DNSError)):
		return "the host name can't be resolved"
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return "the certificate can't be verified"
	case errors.As(err, new(*net.OpError)):
		return "the connection failed"
	}
	return "no answer that can be read"
}
