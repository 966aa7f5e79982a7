package load

import (
	"fmt"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
)

// postTimeout bounds a request, the wait for a connection included.
const postTimeout = 30 * time.Second

// Poster sends requests over so many connections, which are kept. It takes far less processor time than net/http's client,
// which is left to the server.
type Poster struct{ client *fasthttp.HostClient }

// NewPoster returns one that speaks to an address.
func NewPoster(address string, connections int) *Poster {
	return &Poster{&fasthttp.HostClient{
		Addr: address, MaxConns: connections, MaxConnWaitTimeout: postTimeout, ReadTimeout: postTimeout, WriteTimeout: postTimeout,
		MaxIdleConnDuration: time.Minute, MaxIdemponentCallAttempts: 1, NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
	}}
}

// Refused is an answer that isn't a success.
type Refused struct {
	Status     int
	RetryAfter string // the header
	Body       string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("%d %s: %s", r.Status, http.StatusText(r.Status), r.Body)
}

// Post sends a request that fill has filled. What is answered with another status than 200 to 299 is a *Refused.
func (p *Poster) Post(fill func(*fasthttp.Request)) error {
	r, a := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(r)
	defer fasthttp.ReleaseResponse(a)
	r.Header.SetMethod(fasthttp.MethodPost)
	r.Header.SetContentType("application/json")
	r.Header.SetHost(p.client.Addr)
	fill(r)
	if err := p.client.Do(r, a); err != nil {
		return err
	}
	if s := a.StatusCode(); s < 200 || s > 299 {
		return &Refused{s, string(a.Header.Peek(fasthttp.HeaderRetryAfter)), string(a.Body())}
	}
	return nil
}

// Close closes the connections that nobody uses.
func (p *Poster) Close() { p.client.CloseIdleConnections() }
