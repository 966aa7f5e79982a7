package goclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// request is one that may be sent several times: its body is the same bytes each time.
type request struct {
	method string
	path   string // with its query
	header http.Header
	body   []byte
}

// finalError is one that no repetition mends.
type finalError struct{ error }

func (e finalError) Unwrap() error { return e.error }

// send sends a request once, and once more with another token if the first was refused. Any answer but that is the
// caller's to judge and to close.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	token, err := c.token(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := c.sendWith(ctx, r, token)
	if err != nil || answer.StatusCode != http.StatusUnauthorized || c.Token == nil {
		return answer, err
	}
	renewed, err := c.token(ctx)
	if err != nil {
		answer.Body.Close()
		return nil, err
	}
	if renewed == token {
		return answer, nil
	}
	answer.Body.Close()
	return c.sendWith(ctx, r, renewed)
}

func (c *Client) token(ctx context.Context) (string, error) {
	if c.Token == nil {
		return "", nil
	}
	token, err := c.Token(ctx)
	if err != nil {
		return "", finalError{fmt.Errorf("token: %w", err)}
	}
	if !printable(token) {
		return "", finalError{errors.New("token: it has characters that no token has, such as the end of a line")}
	}
	return token, nil
}

// printable reports whether s has nothing but printable ASCII.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (c *Client) sendWith(ctx context.Context, r request, token string) (*http.Response, error) {
	address, err := c.address(r.path)
	if err != nil {
		return nil, finalError{err}
	}
	// net/http sends a request again by itself if a connection that it had kept open turns out to be dead, a POST too if
	// it has an Idempotency-Key (see http.Transport and Request.GetBody). That is as safe as our own repetitions are: the
	// gateway takes one key for one transaction.
	sent, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, finalError{err}
	}
	for name, values := range r.header {
		sent.Header[name] = values
	}
	if token != "" {
		sent.Header.Set("Authorization", "Bearer "+token)
	}
	return c.client().Do(sent)
}

// address returns the URL of a path, or an error that says the mend.
func (c *Client) address(path string) (string, error) {
	base, err := url.Parse(c.Server)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" {
		return "", errors.New("server: give its URL, such as http://127.0.0.1:5000")
	}
	return strings.TrimRight(c.Server, "/") + path, nil
}
