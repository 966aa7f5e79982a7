package momo

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"verdict"
	"verdict/provider/wire"
)

const (
	tokenMargin = time.Minute    // a token is replaced so long before it expires
	tokenPause  = time.Second    // between two fetches, whatever came of the first
	maxLife     = 24 * time.Hour // of a token, whatever the partner says
)

// tokenForm is what may stand in a header.
var tokenForm = regexp.MustCompile(`^[!-~]+$`)

var (
	errNoTurn       = errors.New("no access token in time")
	errTokenRefused = errors.New("the partner refused the access token it gave last")
)

// tokens keeps the access token that all calls share. One caller fetches it while the others wait.
type tokens struct {
	fetch func(context.Context) (token string, life time.Duration, err error)
	turn  chan struct{} // full while somebody fetches, who also owns next and err
	next  time.Time     // before which the token isn't fetched again
	err   error         // why the last fetch failed, or nil

	mu    sync.Mutex // guards what follows; never held during a call
	token string     // "" if there is none
	until time.Time  // when it is to be replaced
}

func newTokens(fetch func(context.Context) (string, time.Duration, error)) *tokens {
	return &tokens{fetch: fetch, turn: make(chan struct{}, 1)}
}

// get returns the token, and fetches it if need be. ctx bounds the wait. Every error is ErrNotSent or a
// *verdict.ThrottledError. What one fetch was told is told to all who ask within tokenPause of it: a partner in trouble
// isn't asked by each of hundreds of callers in turn.
func (t *tokens) get(ctx context.Context) (string, error) {
	if token := t.current(); token != "" {
		return token, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
	}
	if ctx.Err() != nil { // also if it was our turn at last
		return "", fmt.Errorf("%w: %w", errNoTurn, verdict.ErrNotSent)
	}
	if token := t.current(); token != "" {
		return token, nil // fetched while we waited
	}
	if time.Now().Before(t.next) {
		return "", cmp.Or(t.err, fmt.Errorf("%w: %w", errTokenRefused, verdict.ErrNotSent))
	}
	return t.renew(ctx)
}

// renew fetches the token. It is its caller's turn.
func (t *tokens) renew(ctx context.Context) (string, error) {
	token, life, err := t.fetch(ctx)
	if err != nil && ctx.Err() != nil {
		return "", err // its own time was over, which says nothing to others
	}
	t.err, t.next = err, time.Now().Add(tokenPause)
	if throttled, ok := errors.AsType[*verdict.ThrottledError](err); ok {
		t.next = time.Now().Add(throttled.After)
	}
	if err != nil {
		return "", err
	}
	t.keep(token, life)
	return token, nil
}

func (t *tokens) keep(token string, life time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.until = token, time.Now().Add(life-min(tokenMargin, life/2))
}

// current returns the token, or "" if there is none that will do.
func (t *tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !time.Now().Before(t.until) {
		return ""
	}
	return t.token
}

// forget drops a token, unless it has been replaced already.
func (t *tokens) forget(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
}

// fetchToken asks the partner for a token, once. It posts a JSON body: without one the partner answers 411, and to a form
// it answers 200 with a page of HTML (seen by integrators). Every error is ErrNotSent or a *verdict.ThrottledError.
func (p *Provider) fetchToken(ctx context.Context) (token string, life time.Duration, err error) {
	h := http.Header{}
	credentials := base64.StdEncoding.EncodeToString([]byte(p.config.APIUser + ":" + p.config.APIKey))
	h.Set("Authorization", "Basic "+credentials)
	h.Set("Ocp-Apim-Subscription-Key", p.config.SubscriptionKey)
	r, err := p.client.Call(ctx, time.Time{}, http.MethodPost, "collection/token/", h, []byte("{}"))
	switch {
	case err != nil:
		err = fmt.Errorf("no access token: %w: %w", err, verdict.ErrNotSent)
	case r.Status == http.StatusTooManyRequests:
		err = r.Throttled()
	case r.Status == http.StatusUnauthorized:
		err = fmt.Errorf("no access token, check api_user, api_key and subscription_key: %w", verdict.ErrNotSent)
	case r.Status != http.StatusOK:
		err = fmt.Errorf("no access token, the partner answered %d: %w", r.Status, verdict.ErrNotSent)
	default:
		return readToken(r.Body)
	}
	return "", 0, err
}

// readToken reads {"access_token", "expires_in"}, the latter in seconds, as a number or a string of digits. Its errors
// don't repeat what it read, which may be a secret.
func readToken(body []byte) (token string, life time.Duration, err error) {
	members, err := wire.Object(body)
	if err != nil {
		return "", 0, fmt.Errorf("no access token, the answer can't be read: %w", verdict.ErrNotSent)
	}
	token = written(members["access_token"])
	seconds, err := strconv.ParseUint(written(members["expires_in"]), 10, 32)
	if err != nil || seconds == 0 || !tokenForm.MatchString(token) {
		return "", 0, fmt.Errorf("no access token in the answer, or none that lasts: %w", verdict.ErrNotSent)
	}
	return token, min(time.Duration(seconds)*time.Second, maxLife), nil
}
