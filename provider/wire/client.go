// Package wire makes an adapter's calls over HTTP. Each call is one request: it follows no redirect, repeats nothing, and
// reads no more of the answer than is kept as evidence.
//
// Of a submit it also proves whether it may have left, which is what decides whether it may be sent again. The proof is
// a gate on the connection, see gate: the first byte of the request passes the gate or never leaves.
package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"verdict"
)

const (
	connectTimeout = 5 * time.Second // for the connection, and again for TLS; nothing has been sent by then
	maxAnswer      = verdict.MaxRaw  // bytes of an answer's head and of its body

	// keepFor is how long a connection may wait for the next submit, which is spared the handshakes. A partner that closes it
	// just as we write makes that submit uncertain for nothing, so the time is shorter than any at which servers close
	// idle connections of themselves (5 s is the default of Node and Apache, 75 s of nginx).
	keepFor = time.Second
)

// Client calls one partner. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	sends *http.Transport // of submits
	calls *http.Transport // of all else: a connection for each, since net/http repeats what does no harm if a kept one breaks
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// New returns a client of the partner at a base URL, with at most so many connections at a time for submits, and as many
// for all else; further calls wait for one. dial makes the connections, one for each call, as net.Dialer.DialContext
// does; nil dials TCP as verdict.Outward does, allowPrivate or not, and keeps a submit's connection for the next one for up to
// a second.
// Its error says what URL to give. It doesn't repeat the one given, which may hold a secret.
func New(base string, dial dialFunc, allowPrivate bool, connections int) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, errors.New("give an absolute http or https URL, such as https://partner.example")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, errors.New("leave out the user, the query and the fragment")
	}
	keep := dial == nil
	if keep {
		dial = verdict.Outward{Private: allowPrivate, Timeout: connectTimeout}.DialContext
	}
	c := &Client{base: u, sends: newTransport(dial, connections), calls: newTransport(dial, connections)}
	c.sends.DisableKeepAlives = !keep
	c.sends.IdleConnTimeout, c.sends.MaxIdleConnsPerHost = keepFor, connections
	return c, nil
}

// newTransport returns a transport with a new connection for each request.
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
		ReadBufferSize:         1 << 10, // most of what is said fits; it is kept for as long as an answer is awaited
		WriteBufferSize:        2 << 10,
		MaxResponseHeaderBytes: maxAnswer,
	}
}

// Send makes a request that may act at the partner, mostly a POST, to an escaped path below the base URL, with a query behind
// a "?" if need be, unless ctx is over or the deadline has passed when the first byte is to leave. Every error is ErrNotSent,
// which is proof that nothing left and nothing will, or ErrUncertain. ctx bounds the wait. Beside an error the reply holds
// what had come by then.
func (c *Client) Send(ctx context.Context, deadline time.Time, method, path string, header http.Header, body []byte) (Reply, error) {
	by := c.sends
	if len(body) == 0 {
		by = c.calls // on a kept connection net/http repeats what has no body and an Idempotency-Key
	}
	g := &gate{ready: func() error { return inTime(ctx, deadline) }}
	r, err := c.call(g.guard(ctx), by, method, path, header, body)
	if !g.close() { // also if there is an answer: it came before we spoke
		return r, fmt.Errorf("%s: %w", plain(err), verdict.ErrNotSent)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", plain(err), verdict.ErrUncertain)
	}
	return r, nil
}

// Call makes a request that does no harm at the partner, such as a status check, to a path as Send takes it, unless the
// deadline, if there is one, has passed when the first byte is to leave. An error is for the support desk and of no kind:
// nothing was learned. ctx bounds the wait. Beside an error the reply holds what had come by then.
func (c *Client) Call(ctx context.Context, deadline time.Time, method, path string, header http.Header, body []byte) (Reply, error) {
	if !deadline.IsZero() {
		g := &gate{ready: func() error { return inTime(ctx, deadline) }}
		ctx = g.guard(ctx)
	}
	r, err := c.call(ctx, c.calls, method, path, header, body)
	if err != nil {
		return r, errors.New(plain(err))
	}
	return r, nil
}

// call makes one request, once. A body is JSON, if the header doesn't say otherwise; nil is none. It goes to the transport
// directly, since http.Client would follow redirects.
func (c *Client) call(ctx context.Context, by *http.Transport, method, path string, header http.Header, body []byte) (Reply, error) {
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	path, query, _ := strings.Cut(path, "?")
	target := c.base.JoinPath(path) // #nosec G125 -- adapters escape what comes from outside
	target.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, target.String(), content) // #nosec G125 -- likewise
	if err != nil {
		return Reply{}, err
	}
	req.GetBody = nil // with it net/http may send the body again
	if header != nil {
		req.Header = header.Clone()
	}
	setUnless(req.Header, "Accept", "application/json")
	if body != nil {
		setUnless(req.Header, "Content-Type", "application/json")
	}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	r := Reply{Status: resp.StatusCode, Header: resp.Header}
	if saw, ok := ctx.Value(watching{}).(func(Reply)); ok {
		saw(r)
	}
	r.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(r.Body) > maxAnswer {
		r.Body, err = r.Body[:maxAnswer], errTooLarge
	}
	return r, err
}

func setUnless(h http.Header, name, value string) {
	if _, ok := h[name]; !ok {
		h.Set(name, value)
	}
}

type watching struct{}

// Watch returns a context whose calls tell saw of each answer when its head has come, the body not yet read: for whoever wants
// to know more of a partner than what it says of a transaction.
func Watch(ctx context.Context, saw func(Reply)) context.Context {
	return context.WithValue(ctx, watching{}, saw)
}
