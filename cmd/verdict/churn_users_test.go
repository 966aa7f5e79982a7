package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"verdict/web/auth"
)

const (
	churnIssuer = "https://id.churn.example"
	churnSecret = "a secret of the issuer's, of 32 bytes or more"
)

// A tenant has so many users, and a user so many clients.
const (
	usersPerTenant = 6
	clientsPerUser = 4
)

// A user is whom a few clients belong to. Tenants have users of the same names, and users have keys of the same names.
type user struct {
	n          int
	config     string // the lines that let it in
	credential string
	subject    string // in whose name the credential is used, if it is a service's
	http       *http.Client
}

// newUser returns one with a JWT of its own, an API key of its own, or one of a service.
func newUser(t *testing.T, n int) *user {
	tenant, name := fmt.Sprintf("tenant-%d", n/usersPerTenant), fmt.Sprintf("user-%d", n%usersPerTenant)
	u := &user{n: n, credential: auth.NewKey()}
	line := fmt.Sprintf("    key-%d: {hash: %q, tenant: %s, ", n, auth.Hash(u.credential), tenant)
	switch n % 3 {
	case 0:
		u.credential = newJWT(t, tenant, name)
	case 1:
		u.config = line + "role: app, subject: " + name + "}\n"
	case 2:
		u.config, u.subject = line+"role: service}\n", name
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 2}
	t.Cleanup(transport.CloseIdleConnections)
	u.http = &http.Client{Timeout: 10 * time.Second, Transport: introducing{transport, u}}
	return u
}

// userOf returns the number of a user.
func userOf(tenant, name string) int {
	var t, u int
	if _, err := fmt.Sscanf(tenant+" "+name, "tenant-%d user-%d", &t, &u); err != nil {
		return -1
	}
	return t*usersPerTenant + u
}

func newJWT(t *testing.T, tenant, name string) string {
	claims := jwt.MapClaims{
		"iss": churnIssuer, "aud": "verdict", "sub": name, "org": tenant, "exp": time.Now().Add(time.Hour).Unix(),
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(churnSecret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// introduce puts who the user is into the header of a request.
func (u *user) introduce(h http.Header) {
	h.Set("Authorization", "Bearer "+u.credential)
	if u.subject != "" {
		h.Set("Verdict-Subject", u.subject)
	}
}

// introducing is the transport of a user's requests.
type introducing struct {
	inner http.RoundTripper
	user  *user
}

func (i introducing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	i.user.introduce(r.Header)
	return i.inner.RoundTrip(r)
}
