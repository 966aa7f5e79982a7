package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"verdict"
)

// How an issuer's key set is kept.
const (
	refreshAge   = time.Hour        // of the keys, from which they are fetched anew in the background
	maxAge       = 24 * time.Hour   // of the keys, from which they are not good any more
	refreshPause = 10 * time.Second // from the begin of a fetch to the next, whatever is asked for
	fetchTimeout = 5 * time.Second  // shorter than the pause, so no two fetches are under way
	maxKeySet    = 1 << 20          // bytes
	maxHeader    = 64 << 10         // bytes, of an answer
)

// remote keeps the key set that an issuer publishes. It is fetched when a key is first asked for, when it has got old, and
// when a key is asked for that it doesn't have, because the issuer may have a new one.
type remote struct {
	ctx    context.Context // a fetch ends with it
	name   string          // the issuer's
	url    string
	client *http.Client
	log    *slog.Logger
	now    func() time.Time

	mu      sync.Mutex    // guards what follows; not held while fetching
	keys    []verifier    // of the last fetch that succeeded
	fetched time.Time     // when that was
	began   time.Time     // when the last fetch began
	done    chan struct{} // closed when that has ended
	err     error         // of that
}

func newRemote(ctx context.Context, name string, i Issuer, c Config) (*remote, error) {
	u, err := url.Parse(i.JWKS)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, errors.New("jwks: give an https URL, such as https://id.shop.example/.well-known/jwks.json; http is for loopback only")
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	client := &http.Client{
		Timeout: fetchTimeout,
		Transport: &http.Transport{ // without a Proxy, whose address would be judged in place of the issuer's
			DialContext: verdict.Outward{Private: i.AllowPrivate}.DialContext, MaxResponseHeaderBytes: maxHeader,
			DisableCompression: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &remote{ctx: ctx, name: name, url: i.JWKS, client: client, log: log, now: c.now}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// find waits for a fetch only if the key that is asked for isn't held.
func (r *remote) find(ctx context.Context, id string) ([]verifier, error) {
	found, known, age, _ := r.held(id)
	if known && age < refreshAge {
		return found, nil
	}
	done := r.refresh()
	if known {
		return found, nil
	}
	select {
	case <-done:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: the keys of %s were still awaited: %w", ErrUnavailable, r.name, ctx.Err())
	}
	found, _, _, sure := r.held(id)
	if len(found) == 0 && !sure {
		return nil, fmt.Errorf("%w: the keys of %s can't be had; try again in %s", ErrUnavailable, r.name, refreshPause)
	}
	return found, nil
}

// held returns the keys that are held and good for a token that names this one, whether that one is among them, how old
// they are, and whether it is sure that the issuer has no others.
func (r *remote) held(id string) (found []verifier, known bool, age time.Duration, sure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	age = r.now().Sub(r.fetched)
	if age >= maxAge || len(r.keys) == 0 {
		return nil, false, age, false
	}
	for _, v := range r.keys {
		if id == "" || v.id == "" || v.id == id {
			found = append(found, v)
			known = known || v.id == id || id == ""
		}
	}
	return found, known, age, r.err == nil
}

// refresh begins a fetch, unless the last began a moment ago. The channel is closed when there is none under way.
func (r *remote) refresh() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.now(); r.done == nil || now.Sub(r.began) >= refreshPause {
		r.began, r.done = now, make(chan struct{})
		go r.fetch(r.done)
	}
	return r.done
}

// fetch replaces the keys, so that one that the issuer has withdrawn is gone. If it fails, the old ones stay.
func (r *remote) fetch(done chan struct{}) {
	defer close(done)
	keys, err := r.download()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	if err != nil {
		r.log.Warn("an issuer's keys can't be fetched", "issuer", r.name, "held", len(r.keys), "error", err)
		return
	}
	if len(keys) == 0 {
		r.log.Warn("an issuer's key set has no RSA, P-256 or Ed25519 key for signatures", "issuer", r.name)
	}
	r.keys, r.fetched = keys, r.now()
}

func (r *remote) download() ([]verifier, error) {
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.url, nil) // #nosec G704 -- the operator's URL; verdict.Outward judges its address
	if err != nil {
		return nil, err
	}
	answer, err := r.client.Do(request) // #nosec G704 -- as above
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return nil, failed.Err // without the URL, which may hold a secret
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("its URL answered %s; give that of the key set itself, redirects are not followed", answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeySet {
		return nil, errors.New("the key set is larger than 1 MiB")
	}
	return parseKeySet(text)
}
