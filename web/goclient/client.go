// Package goclient is a client of Verdict for programs in Go: it submits transactions, follows them to their verdicts over
// server-sent events, and confirms what it was told. It repeats what a network or a restart swallowed, where that is
// safe, and comes back when a stream breaks.
package goclient

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Client speaks to a gateway on behalf of one user. Its methods may be called at the same time; don't copy it after the
// first call.
type Client struct {
	Server string // where the gateway is, such as https://verdict.example

	// Token returns the JWT or API key to show. It is asked before each request, so it should keep what it has, and once
	// more if that is refused. Its error ends the call. Nil: no credentials are shown.
	Token func(context.Context) (string, error)

	// HTTP makes the requests. It must not bound how long an answer may last: streams do. Nil: one of the client's own,
	// which bounds the wait for an answer to begin, and follows no redirects.
	HTTP *http.Client

	once sync.Once
	own  *http.Client
}

const (
	// requestTimeout bounds one sending of a request that isn't a stream.
	requestTimeout = 10 * time.Second

	// maxAnswer is how many bytes of an answer are read. A transaction has far fewer.
	maxAnswer = 1 << 20
)

// client returns what makes the requests.
func (c *Client) client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	c.once.Do(func() {
		dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
		c.own = &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, ForceAttemptHTTP2: true,
				TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: requestTimeout,
				MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // a POST would become a GET
		}
	})
	return c.own
}
