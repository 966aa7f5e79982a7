package wire

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"verdict"
)

const (
	tokenMargin = time.Minute    // a token is replaced so long before it expires
	maxLife     = 24 * time.Hour // of a token, whatever the partner says

	// TokenPause is the time between two fetches of a token, whatever came of the first.
	TokenPause = time.Second
)

// tokenForm is what may stand in a header.
var tokenForm = regexp.MustCompile(`^[!-~]+$`)

var (
	errNoTurn       = errors.New("no access token in time")
	errTokenRefused = errors.New("the partner refused the access token it gave last")
)

// Tokens keeps the access token that all calls to a partner share. One caller fetches it while the others wait. It is safe
// for concurrent use.
type Tokens struct {
	fetch func(context.Context) (token string, life time.Duration, err error)
	turn  chan struct{} // full while somebody fetches, who also owns next and err
	next  time.Time     // before which the token isn't fetched again
	err   error         // why the last fetch failed, or nil

	mu    sync.Mutex // guards what follows; never held during a call
	token string     // "" if there is none
	until time.Time  // when it is to be replaced
}

// NewTokens returns a keeper of tokens, with none as yet. Every error of fetch is to be ErrNotSent or a
// *verdict.ThrottledError; Granted gives such.
func NewTokens(fetch func(context.Context) (token string, life time.Duration, err error)) *Tokens {
	return &Tokens{fetch: fetch, turn: make(chan struct{}, 1)}
}

// Get returns the token, and fetches it if need be. ctx bounds the wait. Every error is ErrNotSent or a
// *verdict.ThrottledError. What one fetch was told is told to all who ask within TokenPause of it: a partner in trouble
// isn't asked by each of hundreds of callers in turn.
func (t *Tokens) Get(ctx context.Context) (string, error) {
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

// Before returns the token, unless it takes longer than until the deadline: then ErrNotSent.
func (t *Tokens) Before(ctx context.Context, deadline time.Time) (string, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return t.Get(ctx)
}

// renew fetches the token. It is its caller's turn.
func (t *Tokens) renew(ctx context.Context) (string, error) {
	token, life, err := t.fetch(ctx)
	if err != nil && ctx.Err() != nil {
		return "", err // its own time was over, which says nothing to others
	}
	t.err, t.next = err, time.Now().Add(TokenPause)
	if throttled, ok := errors.AsType[*verdict.ThrottledError](err); ok {
		t.next = time.Now().Add(throttled.After)
	}
	if err != nil {
		return "", err
	}
	t.Keep(token, life)
	return token, nil
}

// Keep has a token used that lasts so long.
func (t *Tokens) Keep(token string, life time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.token, t.until = token, time.Now().Add(life-min(tokenMargin, life/2))
}

// current returns the token, or "" if there is none that will do.
func (t *Tokens) current() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !time.Now().Before(t.until) {
		return ""
	}
	return t.token
}

// Refused is the error of a call whose token the partner didn't take. The token isn't used again; if it has been replaced
// already, the new one stays.
func (t *Tokens) Refused(token string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token = ""
	}
	return fmt.Errorf("the partner refused our access token: %w", verdict.ErrNotSent)
}

// Granted reads what came of a request for a token: {"access_token", "expires_in"}, the latter in seconds, as a number or a
// string of digits (RFC 6749 section 5.1). Every error is ErrNotSent or a *verdict.ThrottledError; where the partner refuses
// the credentials it names the settings that hold them. None repeats what was read, which may be a secret.
func Granted(r Reply, err error, settings string) (token string, life time.Duration, _ error) {
	switch {
	case err != nil:
		err = fmt.Errorf("no access token: %w: %w", err, verdict.ErrNotSent)
	case r.Status == http.StatusTooManyRequests:
		err = r.Throttled()
	case r.Status == http.StatusUnauthorized:
		err = fmt.Errorf("no access token, check %s: %w", settings, verdict.ErrNotSent)
	case r.Status != http.StatusOK:
		err = fmt.Errorf("no access token, the partner answered %d: %w", r.Status, verdict.ErrNotSent)
	default:
		return readToken(r.Body)
	}
	return "", 0, err
}

func readToken(body []byte) (token string, life time.Duration, err error) {
	members, err := Object(body)
	if err != nil {
		return "", 0, fmt.Errorf("no access token, the answer can't be read: %w", verdict.ErrNotSent)
	}
	token = Written(members["access_token"])
	seconds, err := strconv.ParseUint(Written(members["expires_in"]), 10, 32)
	if err != nil || seconds == 0 || !tokenForm.MatchString(token) {
		return "", 0, fmt.Errorf("no access token in the answer, or none that lasts: %w", verdict.ErrNotSent)
	}
	return token, min(time.Duration(seconds)*time.Second, maxLife), nil
}

// Written returns a JSON text, or a number as it was written, or "" for anything else.
func Written(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var number json.Number
	if json.Unmarshal(value, &number) == nil {
		return number.String()
	}
	return ""
}
