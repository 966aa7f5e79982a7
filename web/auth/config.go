package auth

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"verdict"
)

// Config is whom a guard lets in. The names of issuers and keys are those by which errors and the log call them.
type Config struct {
	Leeway  time.Duration // by how much an issuer's clock may differ from ours; 0 to maxLeeway
	Issuers map[string]Issuer
	Keys    map[string]Key
	Log     *slog.Logger // is told when an issuer's keys can't be fetched; nil: nobody is

	now func() time.Time // nil: time.Now
}

// Issuer is one whose JWTs are good. It has exactly one of Secrets, KeyFiles and JWKS; of each kind several keys may be
// valid at once, so that they can be changed without a gap.
type Issuer struct {
	Issuer       string   // the claim iss, to the letter
	Audiences    []string // of which the claim aud must have one
	TenantClaim  string   // the claim that names the tenant; empty: the issuer's name in the configuration is the tenant
	SubjectClaim string   // the claim that names the user; empty: sub
	Secrets      []string // for HS256, at least 32 bytes each
	KeyFiles     []string // PEM, public keys or certificates
	JWKS         string   // URL of the issuer's key set
	AllowPrivate bool     // the name in it may point to a private network
}

// Key is an API key, of which only the digest is known here.
type Key struct {
	Hash    string // as Hash returns it
	Role    Role
	Tenant  string
	Subject string    // the user; empty: the key's name in the configuration
	Expires time.Time // from then on it is refused; zero: never
}

// maxLeeway bounds how long a token can outlive its exp.
const maxLeeway = 5 * time.Minute

// New returns a guard that lets in whom the configuration names, or an error that says what to mend there. It fetches
// nothing yet; when ctx ends, fetches that are under way end with it.
func New(ctx context.Context, c Config) (*Guard, error) {
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		return nil, fmt.Errorf("leeway: %s; give 0s to %s, such as 30s", c.Leeway, maxLeeway)
	}
	if c.now == nil {
		c.now = time.Now
	}
	g := &Guard{issuers: map[string]*issuer{}, keys: map[digest]Principal{}, now: c.now}
	for _, name := range slices.Sorted(maps.Keys(c.Issuers)) {
		i, err := newIssuer(ctx, name, c)
		if err != nil {
			return nil, fmt.Errorf("issuers.%s.%w", name, err)
		}
		if other := g.issuers[i.Issuer.Issuer]; other != nil {
			return nil, fmt.Errorf("issuers.%s.issuer: it is that of issuers.%s; make one of the two, with the audiences of both", name, other.name)
		}
		g.issuers[i.Issuer.Issuer] = i
	}
	for _, name := range slices.Sorted(maps.Keys(c.Keys)) {
		sum, p, err := c.Keys[name].principal(name)
		if err != nil {
			return nil, fmt.Errorf("keys.%s.%w", name, err)
		}
		if _, taken := g.keys[sum]; taken {
			return nil, fmt.Errorf("keys.%s.hash: another key has it as well; make a new one with `verdict apikey`", name)
		}
		g.keys[sum] = p
	}
	return g, nil
}

// principal returns whom the key stands for. An operator belongs to no tenant.
func (k Key) principal(name string) (digest, Principal, error) {
	sum, err := parseHash(k.Hash)
	if err != nil {
		return sum, Principal{}, fmt.Errorf("hash: %w", err)
	}
	p := Principal{Role: k.Role, Expires: k.Expires}
	switch k.Role {
	case Operator:
		return sum, p, nil
	case App, Service:
	default:
		return sum, p, fmt.Errorf("role: %q; give app, service or operator", k.Role)
	}
	p.Audience = verdict.Audience{Tenant: k.Tenant, Owner: cmp.Or(k.Subject, name)}
	if !validName(p.Tenant) {
		return sum, p, fmt.Errorf("tenant: %q; name the tenant whose transactions it may see, in 1 to %d bytes without control characters", p.Tenant, maxName)
	}
	if !validName(p.Owner) {
		return sum, p, fmt.Errorf("subject: %q; name the user in 1 to %d bytes without control characters", p.Owner, maxName)
	}
	return sum, p, nil
}
