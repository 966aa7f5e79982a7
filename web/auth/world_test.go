package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	shopIssuer = "https://id.shop.example"
	secret     = "a secret of no less than 32 bytes"
)

// Keys are made once: an RSA key takes a while.
var (
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey   = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey   = sync.OnceValue(newEd)
	otherEd = sync.OnceValue(newEd)
)

func newEd() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// clock is what time it is for a guard.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Unix(1_800_000_000, 0).UTC()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// newGuard returns a guard by that clock.
func newGuard(t *testing.T, c *clock, config Config) *Guard {
	t.Helper()
	config.now = c.now
	g, err := New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// shop is an issuer, but for its keys.
func shop() Issuer { return Issuer{Issuer: shopIssuer, Audiences: []string{"other", "verdict"}} }

func issuers(i Issuer) Config {
	return Config{Leeway: 30 * time.Second, Issuers: map[string]Issuer{"shop": i}}
}

// pemFile writes public keys into a file.
func pemFile(t *testing.T, keys ...crypto.PublicKey) string {
	t.Helper()
	var content []byte
	for _, key := range keys {
		content = append(content, publicPEM(key)...)
	}
	path := filepath.Join(t.TempDir(), "keys.pem")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func publicPEM(key crypto.PublicKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))})
}

// claims of a good token of ama's, changed; a nil takes a claim away.
func claims(c *clock, changed map[string]any) jwt.MapClaims {
	m := jwt.MapClaims{"iss": shopIssuer, "aud": "verdict", "sub": "ama", "exp": c.now().Add(time.Hour).Unix()}
	maps.Copy(m, changed)
	maps.DeleteFunc(m, func(_ string, v any) bool { return v == nil })
	return m
}

// sign makes a token with these members in its header besides alg and typ.
func sign(method jwt.SigningMethod, key any, m jwt.MapClaims, header map[string]any) string {
	token := jwt.NewWithClaims(method, m)
	maps.Copy(token.Header, header)
	return must(token.SignedString(key))
}

func kid(id string) map[string]any { return map[string]any{"kid": id} }

// request is one with these headers, names and values in turn.
func request(header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/v1/events", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// wantError wants an error of a kind, which says something and doesn't hold the token.
func wantError(t *testing.T, err, want error, token, says string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
		return
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("%q doesn't say %q", err, says)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("%q tells the token", err)
		}
	}
}
