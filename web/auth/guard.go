package auth

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"verdict"
)

// Where requests name who they are made by.
const (
	cookieName    = "__Host-verdict" // browsers take it from this host over TLS only (RFC 6265bis section 4.1.3.2)
	subjectHeader = "Verdict-Subject"
)

// maxToken bounds what is looked at, in bytes. Anything longer is refused unread.
const maxToken = 8 << 10

// Guard finds out who makes a request. It may be used by several goroutines at once.
type Guard struct {
	anyone  bool               // nobody is asked
	issuers map[string]*issuer // by their iss
	keys    map[digest]Principal
	now     func() time.Time
}

// Anyone returns a guard that asks nobody: everybody is the same user.
func Anyone() *Guard { return &Guard{anyone: true} }

// anonymous is who everybody is where nobody is asked.
var anonymous = Principal{Audience: verdict.Audience{Tenant: "default", Owner: "app"}, Role: App, Anonymous: true}

// Identify returns who makes a request: by its Authorization header if it has one, whatever its cookie says, else by its
// cookie; never by its URL. A service is whom its Verdict-Subject header names. The error is one of this package's.
func (g *Guard) Identify(r *http.Request) (Principal, error) {
	if g.anyone {
		return anonymous, nil
	}
	token, err := bearer(r.Header)
	if err != nil {
		return Principal{}, err
	}
	if token == "" {
		if token, err = cookie(r); err != nil {
			return Principal{}, err
		}
	}
	p, err := g.Token(r.Context(), token)
	if err != nil {
		return Principal{}, err
	}
	return p.actingFor(r.Header.Values(subjectHeader))
}

// Token returns whom a JWT or an API key stands for; a service stands for itself. The error is one of this package's.
func (g *Guard) Token(ctx context.Context, token string) (Principal, error) {
	if g.anyone {
		return anonymous, nil
	}
	p, err := g.check(ctx, token)
	if err != nil {
		return Principal{}, err
	}
	if p.Role == Operator {
		return Principal{}, fmt.Errorf("%w: an operator's key is for the operators' listener only", ErrForbidden)
	}
	return p, nil
}

// Operator returns nil if a request to the operators' listener has the API key of an operator.
func (g *Guard) Operator(r *http.Request) error {
	token, err := bearer(r.Header)
	if err != nil {
		return err
	}
	if token == "" {
		return fmt.Errorf("%w: send Authorization: Bearer with the API key of an operator", ErrMissing)
	}
	p, err := g.check(r.Context(), token)
	if err == nil && p.Role != Operator {
		return fmt.Errorf("%w: the operators' listener wants the API key of an operator", ErrForbidden)
	}
	return err
}

func (g *Guard) check(ctx context.Context, token string) (Principal, error) {
	switch {
	case len(token) > maxToken:
		return Principal{}, refuse("the token is longer than 8 KiB")
	case strings.HasPrefix(token, keyPrefix):
		return g.byKey(token)
	}
	return g.byJWT(ctx, token)
}

// bearer returns the token in the Authorization header (RFC 6750 section 2.1), or "" if there is no such header.
func bearer(h http.Header) (string, error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", refuse("send the Authorization header once")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", refuse("the Authorization header must be Bearer and a token")
	}
	return token, nil
}

// cookie returns the JWT in the cookie. An API key there would be at hand for every page of this site.
func cookie(r *http.Request) (string, error) {
	cookies := r.CookiesNamed(cookieName)
	switch {
	case len(cookies) == 0:
		return "", fmt.Errorf("%w: send Authorization: Bearer with a JWT or an API key, or the cookie %s with a JWT", ErrMissing, cookieName)
	case len(cookies) > 1:
		return "", refuse("send the cookie " + cookieName + " once")
	case strings.HasPrefix(cookies[0].Value, keyPrefix):
		return "", refuse("the cookie must hold a JWT; an API key belongs into the Authorization header")
	}
	return cookies[0].Value, nil
}

// actingFor returns the principal as the user that the headers name, if they name one and it may act for others.
func (p Principal) actingFor(named []string) (Principal, error) {
	if len(named) == 0 {
		return p, nil
	}
	if p.Role != Service {
		return Principal{}, fmt.Errorf("%w: only the API key of a service may send %s", ErrForbidden, subjectHeader)
	}
	if len(named) > 1 || !validSubject(named[0]) {
		return Principal{}, refuse(fmt.Sprintf("send %s once, with 1 to %d printable ASCII characters", subjectHeader, maxName))
	}
	p.Owner = named[0]
	return p, nil
}

func validSubject(text string) bool {
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	return text != "" && len(text) <= maxName && !strings.ContainsFunc(text, unprintable)
}
