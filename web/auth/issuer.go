package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"verdict"
)

// issuer checks the JWTs of one issuer.
type issuer struct {
	Issuer
	name   string
	leeway time.Duration
	parser *jwt.Parser
	keys   keySource
}

// keySource is where an issuer's keys are had from.
type keySource interface {
	// find returns the keys that may have signed a token whose kid is id: those of that name and those without a name;
	// all if id is empty. It returns none if there is none, and ErrUnavailable if that can't be told now.
	find(ctx context.Context, id string) ([]verifier, error)
}

func newIssuer(ctx context.Context, name string, c Config) (*issuer, error) {
	i := &issuer{Issuer: c.Issuers[name], name: name, leeway: c.Leeway}
	i.SubjectClaim = cmp.Or(i.SubjectClaim, "sub")
	if i.Issuer.Issuer == "" {
		return nil, errors.New("issuer: give what its tokens say in the claim iss, such as https://id.shop.example")
	}
	if len(i.Audiences) == 0 || slices.Contains(i.Audiences, "") {
		return nil, errors.New("audiences: name what its tokens for us say in the claim aud, such as [verdict]")
	}
	if i.TenantClaim == "" && !validName(name) {
		return nil, fmt.Errorf("tenant_claim: %q can't be a tenant; rename the issuer here, or say which claim names the tenant", name)
	}
	i.parser = jwt.NewParser(
		jwt.WithValidMethods(algorithms), jwt.WithIssuer(i.Issuer.Issuer), jwt.WithAudience(i.Audiences...),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(c.Leeway), jwt.WithTimeFunc(c.now),
		jwt.WithStrictDecoding(),
	)
	var err error
	i.keys, err = i.openKeys(ctx, c)
	return i, err
}

// unverified only finds out which issuer a token claims to be of.
var unverified = jwt.NewParser()

// byJWT returns whom a JWT stands for.
func (g *Guard) byJWT(ctx context.Context, token string) (Principal, error) {
	claimed := jwt.MapClaims{}
	if _, _, err := unverified.ParseUnverified(token, claimed); err != nil {
		return Principal{}, explain(err)
	}
	name, _ := claimed["iss"].(string)
	i := g.issuers[name]
	if i == nil {
		return Principal{}, refuse("the token's issuer is not configured here")
	}
	return i.check(ctx, token)
}

func (i *issuer) check(ctx context.Context, token string) (Principal, error) {
	claims := jwt.MapClaims{}
	var noKeys error
	_, err := i.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (keys any, err error) {
		keys, noKeys = i.keysOf(ctx, t)
		return keys, noKeys
	})
	if noKeys != nil {
		return Principal{}, noKeys
	}
	if err != nil {
		return Principal{}, explain(err)
	}
	return i.principal(claims)
}

// keysOf returns the keys under which a token may be signed: those that its header names, of those that sign as it does.
func (i *issuer) keysOf(ctx context.Context, t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, refuse("the token's header demands what isn't understood here (crit)") // RFC 7515 section 4.1.11
	}
	id, ok := t.Header["kid"].(string)
	if _, named := t.Header["kid"]; named && !ok {
		return nil, refuse("the token's kid must be a string")
	}
	found, err := i.keys.find(ctx, id)
	if err != nil {
		return nil, err
	}
	var set jwt.VerificationKeySet
	for _, v := range found {
		if v.algorithm == t.Method.Alg() {
			set.Keys = append(set.Keys, v.key)
		}
	}
	if len(set.Keys) == 0 {
		return nil, refuse("the token is not signed with a key of its issuer")
	}
	return set, nil
}

// principal returns whom verified claims name.
func (i *issuer) principal(claims jwt.MapClaims) (Principal, error) {
	tenant := i.name
	if i.TenantClaim != "" {
		tenant, _ = claims[i.TenantClaim].(string)
	}
	owner, _ := claims[i.SubjectClaim].(string)
	if !validName(tenant) || !validName(owner) {
		return Principal{}, refuse("the token must name the tenant and the user in 1 to 255 bytes without control characters")
	}
	exp, err := claims.GetExpirationTime()
	if err != nil || exp == nil || exp.Unix() > lastSecond {
		return Principal{}, refuse("the token's exp must be a time before the year 10000")
	}
	return Principal{
		Audience: verdict.Audience{Tenant: tenant, Owner: owner}, Role: App, Expires: exp.Add(i.leeway).UTC(),
	}, nil
}

// lastSecond is of the last year that RFC 3339 can write, less what leeway may add.
var lastSecond = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix()

// explain says why a token is refused, without a word of what is in it.
func explain(err error) error {
	for _, reason := range []struct {
		err error
		why string
	}{
		{jwt.ErrTokenMalformed, "the token is neither a JWT nor an API key"},
		{jwt.ErrTokenExpired, "the token has expired; fetch a new one"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet (nbf); compare the clocks"},
		{jwt.ErrTokenUsedBeforeIssued, "the token was issued in the future (iat); compare the clocks"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience (aud)"},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks exp or aud"},
	} {
		if errors.Is(err, reason.err) {
			return refuse(reason.why)
		}
	}
	return refuse("the token is not signed with a key of its issuer, or not in a way that fits the key")
}
