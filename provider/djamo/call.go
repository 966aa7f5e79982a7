package djamo

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"verdict"
)

const (
	connectTimeout = 5 * time.Second // for the connection, and again for TLS; nothing has been sent by then
	maxAnswer      = verdict.MaxRaw  // bytes of an answer's head and of its body

	// How long to stay away when the partner doesn't say; its limits are unpublished.
	defaultPause = time.Minute
	minPause     = time.Second
	maxPause     = time.Hour
)

var errTooLarge = errors.New("the answer is too large")

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport returns a transport with a new connection for each request. A kept one may be dying as we write to it:
// the submit would be uncertain for nothing, and a check would be repeated by net/http behind our back.
func newTransport(dial dialFunc, connections int) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // HTTP/2 shares a connection, and repeats requests by rules of its own
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &gatedConn{Conn: conn}, nil
		},
		Protocols:              protocols,
		TLSHandshakeTimeout:    connectTimeout,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxConnsPerHost:        connections,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

// reply is what came back over HTTP.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call makes one request, once. It goes to the transport directly, since http.Client would follow redirects.
// Beside an error the reply holds what had come by then.
func (p *Provider) call(ctx context.Context, method string, to *url.URL, body []byte) (reply, error) {
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), content)
	if err != nil {
		return reply{}, err
	}
	req.GetBody = nil // with it net/http may send the body again
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(r.body) > maxAnswer {
		r.body, err = r.body[:maxAnswer], errTooLarge
	}
	return r, err
}

func (r reply) undecided() error {
	return fmt.Errorf("the partner answered %d: %w", r.status, verdict.ErrUncertain)
}

func (r reply) throttled() error {
	return &verdict.ThrottledError{After: pause(r.header.Get("Retry-After"), time.Now())}
}

// pause reads a Retry-After field: seconds or a date (RFC 9110 section 10.2.3).
func pause(retryAfter string, now time.Time) time.Duration {
	wait := defaultPause
	seconds, err := strconv.ParseUint(strings.TrimSpace(retryAfter), 10, 32)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(retryAfter); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, minPause), maxPause)
}

// plain says what went wrong in words for the support desk. The errors of net/http name addresses and URLs.
func plain(err error) string {
	var (
		errno   syscall.Errno
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		timeout net.Error
	)
	switch {
	case errors.Is(err, errLate):
		return errLate.Error()
	case errors.Is(err, errTooLarge):
		return errTooLarge.Error()
	case errors.Is(err, context.Canceled):
		return "the call was cancelled"
	case errors.As(err, &dns):
		return "the partner's host name can't be resolved"
	case errors.As(err, &cert):
		return "the partner's certificate can't be verified"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the answer was cut short"
	case errors.Is(err, io.EOF):
		return "the connection was closed without an answer"
	}
	return "the connection failed"
}
