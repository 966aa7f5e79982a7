package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// publisher serves a key set, and counts how often.
type publisher struct {
	*httptest.Server
	mu      sync.Mutex
	answer  http.HandlerFunc
	fetches atomic.Int32
}

func newPublisher(t *testing.T, keys ...map[string]string) *publisher {
	p := &publisher{}
	p.publish(keys...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.fetches.Add(1)
		p.mu.Lock()
		answer := p.answer
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *publisher) publish(keys ...map[string]string) {
	text := must(json.Marshal(map[string]any{"keys": append([]map[string]string{}, keys...)}))
	p.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
}

func (p *publisher) serve(answer http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

func (p *publisher) fail() {
	p.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
}

func (p *publisher) wantFetches(t *testing.T, want int32) {
	t.Helper()
	if got := p.fetches.Load(); got != want {
		t.Errorf("the issuer was asked %d times, want %d", got, want)
	}
}

// guard is one whose issuer's keys are published there.
func (p *publisher) guard(t *testing.T, c *clock) *Guard {
	i := shop()
	i.JWKS = p.URL
	return newGuard(t, c, issuers(i))
}

// settled waits for the fetch that is under way.
func settled(g *Guard) { <-g.issuers[shopIssuer].keys.(*remote).done }

// jwkOf returns a public key as a JWK of that name, changed.
func jwkOf(id string, key any, changed ...string) map[string]string {
	code := base64.RawURLEncoding.EncodeToString
	k := map[string]string{}
	switch key := key.(type) {
	case *rsa.PublicKey:
		k = map[string]string{"kty": "RSA", "n": code(key.N.Bytes()), "e": code(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point := must(key.Bytes())
		k = map[string]string{"kty": "EC", "crv": "P-256", "x": code(point[1:33]), "y": code(point[33:])}
	case ed25519.PublicKey:
		k = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": code(key)}
	case []byte:
		k = map[string]string{"kty": "oct", "k": code(key)}
	}
	if id != "" {
		k["kid"] = id
	}
	for i := 0; i < len(changed); i += 2 {
		k[changed[i]] = changed[i+1]
	}
	return k
}

// by signs a token of ama's with a key of that name.
func by(c *clock, key any, id string) string {
	header := map[string]any{}
	if id != "" {
		header = kid(id)
	}
	method := jwt.SigningMethod(jwt.SigningMethodEdDSA)
	switch key.(type) {
	case *rsa.PrivateKey:
		method = jwt.SigningMethodRS256
	case *ecdsa.PrivateKey:
		method = jwt.SigningMethodES256
	case []byte:
		method = jwt.SigningMethodHS256
	}
	return sign(method, key, claims(c, map[string]any{"exp": c.now().Add(100 * time.Hour).Unix()}), header)
}

func mustPass(t *testing.T, g *Guard, token string) {
	t.Helper()
	if _, err := g.Token(t.Context(), token); err != nil {
		t.Errorf("refused: %v", err)
	}
}

func mustFail(t *testing.T, g *Guard, token string, want error) {
	t.Helper()
	_, err := g.Token(t.Context(), token)
	wantError(t, err, want, token, "")
}

func TestPublishedKeysAreFetchedOnceAtFirstNeed(t *testing.T) {
	c, p := newClock(), newPublisher(t, jwkOf("r", rsaKey().Public()), jwkOf("e", ecKey().Public()), jwkOf("d", edKey().Public()))
	g := p.guard(t, c)
	p.wantFetches(t, 0)
	for id, key := range map[string]any{"r": rsaKey(), "e": ecKey(), "d": edKey()} {
		mustPass(t, g, by(c, key, id))
		mustPass(t, g, by(c, key, ""))
	}
	mustFail(t, g, by(c, edKey(), "r"), ErrRefused)
	mustFail(t, g, by(c, edKey(), "unknown"), ErrRefused)
	mustFail(t, g, by(c, otherEd(), "d"), ErrRefused)
	mustFail(t, g, by(c, otherEd(), ""), ErrRefused)
	p.wantFetches(t, 1)
}

func TestARotatedKeyIsFetchedWhenItIsFirstNamed(t *testing.T) {
	c, p := newClock(), newPublisher(t, jwkOf("old", otherEd().Public()))
	g := p.guard(t, c)
	mustPass(t, g, by(c, otherEd(), "old"))
	p.publish(jwkOf("old", otherEd().Public()), jwkOf("new", edKey().Public()))
	c.pass(refreshPause)
	mustPass(t, g, by(c, edKey(), "new"))
	mustPass(t, g, by(c, otherEd(), "old"))
	p.wantFetches(t, 2)
}

func TestInventedKidsDontMakeUsHammerTheIssuer(t *testing.T) {
	c, p := newClock(), newPublisher(t, jwkOf("d", edKey().Public()))
	g := p.guard(t, c)
	mustPass(t, g, by(c, edKey(), "d"))
	for i := range 100 {
		mustFail(t, g, by(c, otherEd(), fmt.Sprint("invented", i)), ErrRefused)
	}
	p.wantFetches(t, 1)
	for round := range int32(3) {
		c.pass(refreshPause)
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { mustFail(t, g, by(c, otherEd(), fmt.Sprint("invented", i)), ErrRefused) })
		}
		all.Wait()
		p.wantFetches(t, 2+round)
	}
	c.pass(refreshPause - time.Nanosecond)
	mustFail(t, g, by(c, otherEd(), "invented"), ErrRefused)
	p.wantFetches(t, 4)
	mustFail(t, g, sign(jwt.SigningMethodEdDSA, otherEd(), claims(c, map[string]any{"iss": "https://evil.example"}), kid("invented")), ErrRefused)
	p.wantFetches(t, 4)
}

func TestConcurrentRequestsShareAFetch(t *testing.T) {
	c, p := newClock(), newPublisher(t)
	asked, release := make(chan struct{}), make(chan struct{})
	p.serve(func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-release
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{jwkOf("d", edKey().Public())}})
	})
	g := p.guard(t, c)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { mustPass(t, g, by(c, edKey(), "d")) })
	}
	<-asked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Token(ctx, by(c, edKey(), "d")); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("one who is gone: %v", err)
	}
	close(release)
	all.Wait()
	p.wantFetches(t, 1)
}

func TestOldKeysAreFetchedAnewInTheBackground(t *testing.T) {
	c, p := newClock(), newPublisher(t, jwkOf("old", otherEd().Public()))
	g := p.guard(t, c)
	token := by(c, otherEd(), "old")
	mustPass(t, g, token)
	p.publish(jwkOf("new", edKey().Public()))
	c.pass(refreshAge - time.Nanosecond)
	mustPass(t, g, token)
	p.wantFetches(t, 1)
	c.pass(time.Nanosecond)
	mustPass(t, g, token) // nobody waits
	settled(g)
	p.wantFetches(t, 2)
	mustFail(t, g, token, ErrRefused) // withdrawn
	mustPass(t, g, by(c, edKey(), "new"))
	p.wantFetches(t, 2)
}

func TestKeysOutliveTheirIssuerForADay(t *testing.T) {
	c, p := newClock(), newPublisher(t, jwkOf("d", edKey().Public()))
	g := p.guard(t, c)
	token := by(c, edKey(), "d")
	mustPass(t, g, token)
	p.fail()
	for range 23 {
		c.pass(time.Hour)
		mustPass(t, g, token)
		settled(g)
	}
	mustFail(t, g, by(c, edKey(), "unknown"), ErrUnavailable) // it may be a new one
	mustFail(t, g, by(c, otherEd(), "d"), ErrRefused)
	p.wantFetches(t, 24)
	c.pass(time.Hour)
	mustFail(t, g, token, ErrUnavailable)
	p.publish(jwkOf("d", edKey().Public()))
	mustFail(t, g, token, ErrUnavailable) // until the pause is over
	c.pass(refreshPause)
	mustPass(t, g, token)
	p.wantFetches(t, 26)
}

func TestAKeySetThatCantBeHadIsNoRefusal(t *testing.T) {
	c := newClock()
	elsewhere := newPublisher(t, jwkOf("d", edKey().Public()))
	set := string(must(json.Marshal(map[string]any{"keys": []any{jwkOf("d", edKey().Public())}})))
	for name, answer := range map[string]http.HandlerFunc{
		"an error":   func(w http.ResponseWriter, _ *http.Request) { http.Error(w, set, http.StatusServiceUnavailable) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"no JSON":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"no key set": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"d":{}}`) },
		"no keys":    func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			fmt.Fprint(w, set)
		},
		"more than 1 MiB": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, set, strings.Repeat(" ", maxKeySet)) },
	} {
		p := newPublisher(t)
		p.serve(answer)
		t.Run(name, func(t *testing.T) { mustFail(t, p.guard(t, c), by(c, edKey(), "d"), ErrUnavailable) })
	}
	elsewhere.wantFetches(t, 0)
	t.Run("nobody", func(t *testing.T) {
		g := elsewhere.guard(t, c)
		elsewhere.Close()
		mustFail(t, g, by(c, edKey(), "d"), ErrUnavailable)
	})
}

func TestPublishedKeysOfOtherUsesAreNone(t *testing.T) {
	c := newClock()
	ed, es := edKey().Public(), ecKey().Public()
	short := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for name, test := range map[string]struct {
		key   map[string]string
		token string
	}{
		"a symmetric key":         {jwkOf("x", []byte(secret)), by(c, []byte(secret), "x")},
		"a symmetric key as RSA":  {jwkOf("x", []byte(secret), "kty", "RSA"), by(c, []byte(secret), "x")},
		"for encryption":          {jwkOf("x", ed, "use", "enc"), by(c, edKey(), "x")},
		"for another algorithm":   {jwkOf("x", es, "alg", "ES384"), by(c, ecKey(), "x")},
		"RS256's for PS256":       {jwkOf("x", rsaKey().Public(), "alg", "PS256"), by(c, rsaKey(), "x")},
		"a short RSA key":         {jwkOf("x", short), by(c, rsaKey(), "x")},
		"an unknown curve":        {jwkOf("x", es, "crv", "P-521"), by(c, ecKey(), "x")},
		"a point off the curve":   {jwkOf("x", es, "y", zero), by(c, ecKey(), "x")},
		"a key of half a length":  {jwkOf("x", ed, "x", "AAAA"), by(c, edKey(), "x")},
		"what isn't base64url":    {jwkOf("x", ed, "x", "+/="), by(c, edKey(), "x")},
		"an exponent of 65 bits":  {jwkOf("x", rsaKey().Public(), "e", "AQAAAAAAAQAB"), by(c, rsaKey(), "x")}, // its low ones are 65537
		"an RSA key without more": {map[string]string{"kty": "RSA", "kid": "x"}, by(c, rsaKey(), "x")},
	} {
		t.Run(name, func(t *testing.T) {
			set := must(json.Marshal(map[string]any{"keys": []any{test.key}}))
			if keys, err := parseKeySet(set); err != nil || len(keys) > 0 {
				t.Errorf("it is one: %+v, %v", keys, err)
			}
			p := newPublisher(t, test.key, jwkOf("good", otherEd().Public(), "use", "sig", "alg", "EdDSA"))
			g := p.guard(t, c)
			mustFail(t, g, test.token, ErrRefused)
			mustPass(t, g, by(c, otherEd(), "good"))
		})
	}
}

// silence is a transport to an issuer that never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAnIssuerThatNeverAnswersIsAwaitedForFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := shop()
		i.JWKS = "https://id.shop.example/jwks.json"
		g, err := New(t.Context(), issuers(i))
		if err != nil {
			t.Fatal(err)
		}
		g.issuers[shopIssuer].keys.(*remote).client.Transport = silence{}
		began := time.Now()
		mustFail(t, g, by(&clock{at: began}, edKey(), "d"), ErrUnavailable)
		if took := time.Since(began); took != fetchTimeout {
			t.Errorf("it took %s, want %s", took, fetchTimeout)
		}
	})
}

func TestAFetchEndsWithTheGuardsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		i := shop()
		i.JWKS = "https://id.shop.example/jwks.json"
		g, err := New(ctx, issuers(i))
		if err != nil {
			t.Fatal(err)
		}
		g.issuers[shopIssuer].keys.(*remote).client.Transport = silence{}
		began := time.Now()
		time.AfterFunc(time.Second, cancel)
		mustFail(t, g, by(&clock{at: began}, edKey(), "d"), ErrUnavailable)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestAnIssuerThatMustNotBeCalledIsNotCalled(t *testing.T) {
	var log bytes.Buffer
	i := shop()
	i.JWKS = "https://169.254.169.254/jwks.json" // a cloud's metadata
	c := issuers(i)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	g, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	mustFail(t, g, by(&clock{at: time.Now()}, edKey(), "d"), ErrUnavailable)
	if !strings.Contains(log.String(), "169.254.169.254, which is never called") {
		t.Errorf("logged %s", log.String())
	}
}
