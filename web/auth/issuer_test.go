package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"verdict"
)

func TestATokenOfAConfiguredIssuerNamesItsUser(t *testing.T) {
	c := newClock()
	for _, test := range []struct {
		name   string
		keys   Issuer
		method jwt.SigningMethod
		key    any
	}{
		{"HS256", Issuer{Secrets: []string{secret}}, jwt.SigningMethodHS256, []byte(secret)},
		{"RS256", Issuer{KeyFiles: []string{pemFile(t, rsaKey().Public())}}, jwt.SigningMethodRS256, rsaKey()},
		{"ES256", Issuer{KeyFiles: []string{pemFile(t, ecKey().Public())}}, jwt.SigningMethodES256, ecKey()},
		{"EdDSA", Issuer{KeyFiles: []string{pemFile(t, edKey().Public())}}, jwt.SigningMethodEdDSA, edKey()},
		{"the older of two secrets", Issuer{Secrets: []string{"a new secret of at least 32 bytes", secret}}, jwt.SigningMethodHS256, []byte(secret)},
		{"the second of two files", Issuer{KeyFiles: []string{pemFile(t, otherEd().Public(), rsaKey().Public()), pemFile(t, edKey().Public())}}, jwt.SigningMethodEdDSA, edKey()},
	} {
		t.Run(test.name, func(t *testing.T) {
			i := test.keys
			i.Issuer, i.Audiences = shopIssuer, []string{"other", "verdict"}
			g := newGuard(t, c, issuers(i))
			for _, header := range []map[string]any{nil, kid("any")} {
				p, err := g.Token(t.Context(), sign(test.method, test.key, claims(c, nil), header))
				want := Principal{Audience: verdict.Audience{Tenant: "shop", Owner: "ama"}, Role: App, Expires: c.now().Add(time.Hour + 30*time.Second)}
				if err != nil || p != want {
					t.Errorf("%+v, %v; want %+v", p, err, want)
				}
			}
		})
	}
}

func TestClaimsMayNameTenantAndUser(t *testing.T) {
	c := newClock()
	i := shop()
	i.Secrets, i.TenantClaim, i.SubjectClaim = []string{secret}, "org", "user"
	g := newGuard(t, c, issuers(i))
	hs := func(changed map[string]any) string {
		return sign(jwt.SigningMethodHS256, []byte(secret), claims(c, changed), nil)
	}
	p, err := g.Token(t.Context(), hs(map[string]any{"org": "kiosk", "user": "é"}))
	if err != nil || p.Audience != (verdict.Audience{Tenant: "kiosk", Owner: "é"}) {
		t.Errorf("%+v, %v", p, err)
	}
	for _, changed := range []map[string]any{
		{"org": "kiosk"}, {"user": "ama"}, {"org": "", "user": "ama"}, {"org": "kiosk", "user": ""}, {"org": 7, "user": "ama"},
		{"org": "kiosk", "user": []string{"ama"}}, {"org": "ki\nosk", "user": "ama"}, {"org": "kiosk", "user": "a\x00b"},
		{"org": strings.Repeat("x", 256), "user": "ama"}, {"org": "kiosk", "user": strings.Repeat("x", 256)},
	} {
		token := hs(changed)
		_, err := g.Token(t.Context(), token)
		wantError(t, err, ErrRefused, token, "control characters")
	}
}

func TestForgedAndMisusedTokensAreRefused(t *testing.T) {
	c := newClock()
	rs := shop()
	rs.KeyFiles = []string{pemFile(t, rsaKey().Public(), ecKey().Public(), edKey().Public())}
	other := Issuer{Issuer: "https://id.other.example", Audiences: []string{"verdict"}, Secrets: []string{secret}}
	g := newGuard(t, c, Config{Leeway: 30 * time.Second, Issuers: map[string]Issuer{"shop": rs, "other": other}})
	now := c.now().Unix()
	good := sign(jwt.SigningMethodEdDSA, edKey(), claims(c, nil), nil)
	parts := strings.Split(good, ".")
	ed := func(changed map[string]any) string {
		return sign(jwt.SigningMethodEdDSA, edKey(), claims(c, changed), nil)
	}
	headed := func(header map[string]any) string {
		return sign(jwt.SigningMethodEdDSA, edKey(), claims(c, nil), header)
	}
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	for _, test := range []struct{ name, token, says string }{
		{"alg none", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(c, nil), nil), "signed"},
		{"alg none of an issuer with secrets", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(c, map[string]any{"iss": other.Issuer}), nil), "signed"},
		{"alg NONE", segment(`{"alg":"NONE"}`) + "." + parts[1] + ".", "signed"},
		{"no alg", segment(`{}`) + "." + parts[1] + "." + parts[2], "signed"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signed"},
		{"HS256 under the RSA key's PEM", sign(jwt.SigningMethodHS256, publicPEM(rsaKey().Public()), claims(c, nil), nil), "signed"},
		{"HS256 under the RSA key's modulus", sign(jwt.SigningMethodHS256, rsaKey().N.Bytes(), claims(c, nil), nil), "signed"},
		{"HS256 under the Ed25519 key", sign(jwt.SigningMethodHS256, []byte(edKey()[32:]), claims(c, nil), nil), "signed"},
		{"HS256 under nothing", sign(jwt.SigningMethodHS256, []byte{}, claims(c, nil), nil), "signed"},
		{"HS384 under the secret", sign(jwt.SigningMethodHS384, []byte(secret), claims(c, map[string]any{"iss": other.Issuer}), nil), "signed"},
		{"PS256 under the RSA key", sign(jwt.SigningMethodPS256, rsaKey(), claims(c, nil), nil), "signed"},
		{"RS512 under the RSA key", sign(jwt.SigningMethodRS512, rsaKey(), claims(c, nil), nil), "signed"},
		{"ES384", sign(jwt.SigningMethodES384, p384, claims(c, nil), nil), "signed"},
		{"another's key", sign(jwt.SigningMethodEdDSA, otherEd(), claims(c, nil), nil), "signed"},
		{"another issuer's key", sign(jwt.SigningMethodHS256, []byte(secret), claims(c, nil), nil), "signed"},
		{"a key in the header", sign(jwt.SigningMethodEdDSA, otherEd(), claims(c, nil), map[string]any{
			"jwk": map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(otherEd()[32:])},
		}), "signed"},
		{"a kid that is a path", sign(jwt.SigningMethodHS256, []byte{}, claims(c, nil), kid("../../dev/null")), "signed"},
		{"a kid that is SQL", sign(jwt.SigningMethodHS256, []byte("k"), claims(c, nil), kid("x' UNION SELECT 'k")), "signed"},
		{"a kid that is a number", headed(map[string]any{"kid": 7}), "kid"},
		{"a kid that is null", headed(map[string]any{"kid": nil}), "kid"},
		{"what must be understood", headed(map[string]any{"crit": []string{"b64"}, "b64": false}), "crit"},
		{"other claims", parts[0] + "." + segment(string(must(json.Marshal(claims(c, map[string]any{"sub": "kofi"}))))) + "." + parts[2], "signed"},
		{"expired", ed(map[string]any{"exp": now - 30}), "expired"},
		{"no exp", ed(map[string]any{"exp": nil}), "lacks exp"},
		{"exp zero", ed(map[string]any{"exp": 0}), "lacks exp"},
		{"exp text", ed(map[string]any{"exp": "tomorrow"}), "refused"},
		{"exp in the year 10000", ed(map[string]any{"exp": int64(253402300800)}), "year"},
		{"not yet valid", ed(map[string]any{"nbf": now + 31}), "nbf"},
		{"nbf text", ed(map[string]any{"nbf": "now"}), "refused"},
		{"issued in the future", ed(map[string]any{"iat": now + 31}), "iat"},
		{"another audience", ed(map[string]any{"aud": "elsewhere"}), "aud"},
		{"no audience", ed(map[string]any{"aud": nil}), "lacks exp or aud"},
		{"an audience in another case", ed(map[string]any{"aud": "Verdict"}), "aud"},
		{"an unknown issuer", ed(map[string]any{"iss": "https://evil.example"}), "issuer"},
		{"an issuer with a slash more", ed(map[string]any{"iss": shopIssuer + "/"}), "issuer"},
		{"no issuer", ed(map[string]any{"iss": nil}), "issuer"},
		{"issuers", ed(map[string]any{"iss": []string{shopIssuer}}), "issuer"},
		{"no user", ed(map[string]any{"sub": nil}), "user"},
		{"over 8 KiB", ed(map[string]any{"x": strings.Repeat("x", 8<<10)}), "8 KiB"},
		{"two parts", parts[0] + "." + parts[1], "neither"},
		{"four parts", good + ".x", "neither"},
		{"padding", parts[0] + "=." + parts[1] + "." + parts[2], "neither"},
		{"five parts of a JWE", good + ".x.y", "neither"},
		{"no JSON", segment("[]") + "." + segment("[]") + ".x", "neither"},
		{"nothing", "", "neither"},
		{"a ticket", ticketPrefix + "AAAA", "neither"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := g.Token(t.Context(), test.token)
			if p != (Principal{}) {
				t.Errorf("it stands for %+v", p)
			}
			wantError(t, err, ErrRefused, test.token, test.says)
		})
	}
	if _, err := g.Token(t.Context(), good); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func segment(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestLeewayBoundsHowFarClocksDiffer(t *testing.T) {
	c := newClock()
	i := shop()
	i.Secrets = []string{secret}
	g := newGuard(t, c, issuers(i))
	now := c.now().Unix()
	for _, changed := range []map[string]any{{"exp": now - 29}, {"nbf": now + 30}, {"iat": now + 30}} {
		if _, err := g.Token(t.Context(), sign(jwt.SigningMethodHS256, []byte(secret), claims(c, changed), nil)); err != nil {
			t.Errorf("%v: %v", changed, err)
		}
	}
	token := sign(jwt.SigningMethodHS256, []byte(secret), claims(c, nil), nil)
	p, err := g.Token(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	c.pass(p.Expires.Sub(c.now()) - time.Nanosecond)
	if _, err := g.Token(t.Context(), token); err != nil {
		t.Errorf("just before it expires: %v", err)
	}
	c.pass(time.Nanosecond)
	_, err = g.Token(t.Context(), token)
	wantError(t, err, ErrRefused, token, "expired")
}
