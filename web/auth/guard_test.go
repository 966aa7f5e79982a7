package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"verdict"
)

// staff is a guard with a key of each role, and an issuer.
type staff struct {
	*Guard
	clock                       *clock
	app, service, operator, ama string // credentials
}

func newStaff(t *testing.T) staff {
	s := staff{clock: newClock(), app: NewKey(), service: NewKey(), operator: NewKey()}
	s.ama = sign(jwt.SigningMethodHS256, []byte(secret), claims(s.clock, nil), nil)
	config := issuers(shop())
	config.Issuers["shop"] = Issuer{Issuer: shopIssuer, Audiences: []string{"verdict"}, Secrets: []string{secret}}
	config.Keys = map[string]Key{
		"kiosk":   {Hash: Hash(s.app), Role: App, Tenant: "shop", Expires: s.clock.now().Add(time.Hour)},
		"till":    {Hash: Hash(s.service), Role: Service, Tenant: "shop", Subject: "the till"},
		"support": {Hash: Hash(s.operator), Role: Operator},
	}
	s.Guard = newGuard(t, s.clock, config)
	return s
}

func TestWhoMakesARequest(t *testing.T) {
	s := newStaff(t)
	user := func(owner string, role Role, expires time.Duration) Principal {
		p := Principal{Audience: verdict.Audience{Tenant: "shop", Owner: owner}, Role: role}
		if expires > 0 {
			p.Expires = s.clock.now().Add(expires)
		}
		return p
	}
	ama, kiosk := user("ama", App, time.Hour+30*time.Second), user("kiosk", App, time.Hour)
	longest := strings.Repeat("x", 255)
	for _, test := range []struct {
		name   string
		header []string
		want   Principal
		err    error
		says   string
	}{
		{name: "a JWT", header: []string{"Authorization", "Bearer " + s.ama}, want: ama},
		{name: "a scheme in other case", header: []string{"Authorization", "bEARER  " + s.ama + " "}, want: ama},
		{name: "a cookie", header: []string{"Cookie", "x=y; __Host-verdict=" + s.ama}, want: ama},
		{name: "an app's key", header: []string{"Authorization", "Bearer " + s.app}, want: kiosk},
		{name: "a header and a cookie", header: []string{"Authorization", "Bearer " + s.app, "Cookie", "__Host-verdict=" + s.ama}, want: kiosk},
		{name: "a service", header: []string{"Authorization", "Bearer " + s.service}, want: user("the till", Service, 0)},
		{name: "a service for a user", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", "kofi ~"}, want: user("kofi ~", Service, 0)},
		{name: "for one of 255 bytes", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", longest}, want: user(longest, Service, 0)},

		{name: "nothing", err: ErrMissing, says: "Authorization: Bearer"},
		{name: "another cookie", header: []string{"Cookie", "verdict=" + s.ama}, err: ErrMissing, says: cookieName},
		{name: "an empty header", header: []string{"Authorization", ""}, err: ErrRefused, says: "Bearer"},
		{name: "no token", header: []string{"Authorization", "Bearer "}, err: ErrRefused, says: "Bearer"},
		{name: "no scheme", header: []string{"Authorization", s.ama}, err: ErrRefused, says: "Bearer"},
		{name: "another scheme", header: []string{"Authorization", "Basic " + s.ama}, err: ErrRefused, says: "Bearer"},
		{name: "two headers", header: []string{"Authorization", "Bearer " + s.ama, "Authorization", "Bearer " + s.ama}, err: ErrRefused, says: "once"},
		{name: "a bad header and a cookie", header: []string{"Authorization", "Bearer x", "Cookie", "__Host-verdict=" + s.ama}, err: ErrRefused, says: "neither"},
		{name: "an empty header and a cookie", header: []string{"Authorization", "", "Cookie", "__Host-verdict=" + s.ama}, err: ErrRefused, says: "Bearer"},
		{name: "an API key in the cookie", header: []string{"Cookie", "__Host-verdict=" + s.app}, err: ErrRefused, says: "JWT"},
		{name: "an empty cookie", header: []string{"Cookie", "__Host-verdict="}, err: ErrRefused, says: "neither"},
		{name: "two cookies", header: []string{"Cookie", "__Host-verdict=" + s.ama + "; __Host-verdict=" + s.ama}, err: ErrRefused, says: "once"},
		{name: "an unknown key", header: []string{"Authorization", "Bearer " + NewKey()}, err: ErrRefused, says: "not configured"},
		{name: "a key's hash", header: []string{"Authorization", "Bearer " + Hash(s.app)}, err: ErrRefused, says: "neither"},
		{name: "a key and more", header: []string{"Authorization", "Bearer " + s.app + "x"}, err: ErrRefused, says: "not configured"},
		{name: "an operator's key", header: []string{"Authorization", "Bearer " + s.operator}, err: ErrForbidden, says: "operators' listener"},
		{name: "an operator for a user", header: []string{"Authorization", "Bearer " + s.operator, "Verdict-Subject", "kofi"}, err: ErrForbidden, says: "operators' listener"},
		{name: "an app for a user", header: []string{"Authorization", "Bearer " + s.app, "Verdict-Subject", "kofi"}, err: ErrForbidden, says: "Verdict-Subject"},
		{name: "an app for itself", header: []string{"Authorization", "Bearer " + s.app, "Verdict-Subject", "kiosk"}, err: ErrForbidden, says: "Verdict-Subject"},
		{name: "a JWT for a user", header: []string{"Authorization", "Bearer " + s.ama, "Verdict-Subject", "kofi"}, err: ErrForbidden, says: "Verdict-Subject"},
		{name: "a cookie for a user", header: []string{"Cookie", "__Host-verdict=" + s.ama, "Verdict-Subject", ""}, err: ErrForbidden, says: "Verdict-Subject"},
		{name: "a service for nobody", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", ""}, err: ErrRefused, says: "printable"},
		{name: "a service for two", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", "a", "Verdict-Subject", "b"}, err: ErrRefused, says: "once"},
		{name: "for one of 256 bytes", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", longest + "x"}, err: ErrRefused, says: "255"},
		{name: "for one that isn't ASCII", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", "é"}, err: ErrRefused, says: "printable"},
		{name: "for one with a tab", header: []string{"Authorization", "Bearer " + s.service, "Verdict-Subject", "a\tb"}, err: ErrRefused, says: "printable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := s.Identify(request(test.header...))
			if p != test.want {
				t.Errorf("%+v, want %+v", p, test.want)
			}
			if test.err != nil {
				wantError(t, err, test.err, strings.Join([]string{s.ama, s.app, s.service, s.operator}, "."), test.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCredentialsInTheURLAreNotRead(t *testing.T) {
	s := newStaff(t)
	for _, name := range []string{"access_token", "token", "ticket", "Authorization", cookieName} {
		r := request()
		r.URL.RawQuery = name + "=" + s.ama
		_, err := s.Identify(r)
		wantError(t, err, ErrMissing, s.ama, "")
	}
}

func TestAnAPIKeyExpires(t *testing.T) {
	s := newStaff(t)
	s.clock.pass(time.Hour - time.Nanosecond)
	if _, err := s.Token(t.Context(), s.app); err != nil {
		t.Fatal(err)
	}
	s.clock.pass(time.Nanosecond)
	_, err := s.Token(t.Context(), s.app)
	wantError(t, err, ErrRefused, s.app, "expired")
}

func TestOnlyAnOperatorsKeyOpensTheOperatorsListener(t *testing.T) {
	s := newStaff(t)
	if err := s.Operator(request("Authorization", "Bearer "+s.operator)); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		header []string
		err    error
	}{
		"nothing":      {nil, ErrMissing},
		"a cookie":     {[]string{"Cookie", cookieName + "=" + s.operator}, ErrMissing},
		"two headers":  {[]string{"Authorization", "Bearer " + s.operator, "Authorization", "Bearer " + s.operator}, ErrRefused},
		"another key":  {[]string{"Authorization", "Bearer " + NewKey()}, ErrRefused},
		"an app's key": {[]string{"Authorization", "Bearer " + s.app}, ErrForbidden},
		"a service's":  {[]string{"Authorization", "Bearer " + s.service, "Verdict-Subject", "support"}, ErrForbidden},
		"a JWT":        {[]string{"Authorization", "Bearer " + s.ama}, ErrForbidden},
	} {
		if err := s.Operator(request(test.header...)); !errors.Is(err, test.err) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
	}
	if err := Anyone().Operator(request()); err == nil {
		t.Error("a guard that asks nobody lets operators in")
	}
}

func TestWhereNobodyIsAskedEverybodyIsTheSameUser(t *testing.T) {
	want := Principal{Audience: verdict.Audience{Tenant: "default", Owner: "app"}, Role: App, Anonymous: true}
	for _, r := range [][]string{nil, {"Authorization", "Bearer x", "Verdict-Subject", "ama"}} {
		if p, err := Anyone().Identify(request(r...)); err != nil || p != want {
			t.Errorf("%+v, %v", p, err)
		}
	}
	if p, err := Anyone().Token(t.Context(), "x"); err != nil || p != want {
		t.Errorf("%+v, %v", p, err)
	}
}

func ExampleNewKey() {
	key := NewKey()
	fmt.Println(strings.HasPrefix(key, "vsk1_"), len(key), len(Hash(key)))
	// Output: true 48 71
}

// FuzzIdentify looks for a header that makes the guard panic, or lets in someone without credentials.
func FuzzIdentify(f *testing.F) {
	c := newClock()
	service := "vsk1_" + strings.Repeat("A", 43)
	config := issuers(Issuer{Issuer: shopIssuer, Audiences: []string{"verdict"}, Secrets: []string{secret}})
	config.Keys = map[string]Key{"till": {Hash: Hash(service), Role: Service, Tenant: "shop"}}
	config.now = c.now
	g, err := New(f.Context(), config)
	if err != nil {
		f.Fatal(err)
	}
	good := sign(jwt.SigningMethodHS256, []byte(secret), claims(c, nil), nil)
	f.Add("Bearer "+good, "", "")
	f.Add("Bearer "+service, "", "kofi")
	f.Add("Bearer "+good[:len(good)-1], cookieName+"="+good, "")
	f.Add("", cookieName+"="+good, "")
	f.Add("Basic x", cookieName+"=x", "\x00")
	f.Fuzz(func(t *testing.T, authorization, cookie, subject string) {
		var header []string
		for _, h := range [][2]string{{"Authorization", authorization}, {"Cookie", cookie}, {subjectHeader, subject}} {
			if h[1] != "" {
				header = append(header, h[0], h[1])
			}
		}
		p, err := g.Identify(request(header...))
		known := strings.Contains(authorization+cookie, good) || strings.Contains(authorization, service)
		switch {
		case err == nil && !known:
			t.Errorf("let in as %+v", p)
		case err == nil && (p.Tenant != "shop" || !validName(p.Owner)):
			t.Errorf("as %+v", p)
		case err != nil && p != (Principal{}):
			t.Errorf("%v, and %+v", err, p)
		case err != nil && !errors.Is(err, ErrMissing) && !errors.Is(err, ErrRefused) && !errors.Is(err, ErrForbidden):
			t.Errorf("an error of no kind: %v", err)
		}
	})
}
