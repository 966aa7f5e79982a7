package rest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"verdict"
	"verdict/provider/wire"
)

// Auth says how we prove who we are. Its texts may hold ${secret.NAME}.
type Auth struct {
	Type         string `koanf:"type"`          // none, header, basic, bearer or oauth2
	Header       string `koanf:"header"`        // header: its name
	Key          string `koanf:"key"`           // header: its value
	User         string `koanf:"user"`          // basic
	Password     string `koanf:"password"`      // basic
	Token        string `koanf:"token"`         // bearer
	URL          string `koanf:"url"`           // oauth2: where tokens are given, or its path below the partner's url
	ClientID     string `koanf:"client_id"`     // oauth2
	ClientSecret string `koanf:"client_secret"` // oauth2
	Scope        string `koanf:"scope"`         // oauth2; may be left out
	ClientIn     string `koanf:"client_in"`     // oauth2: header, or body for servers that read the client there
}

// auth makes the header by which the partner knows us.
type auth struct {
	header string // "" for none
	value  string
	tokens *wire.Tokens // nil unless the value is an access token
}

// authFields are the settings that each type needs, and after the first "" those it may have.
var authFields = map[string][]string{
	"none":   {},
	"header": {"header", "key"},
	"basic":  {"user", "password"},
	"bearer": {"token"},
	"oauth2": {"url", "client_id", "client_secret", "", "scope", "client_in"},
}

// fill puts the secrets in, and checks that all is there that the type needs, and nothing else.
func (a Auth) fill(r reader) (Auth, error) {
	if a.Type == "" {
		a.Type = "none"
	}
	fields, ok := authFields[a.Type]
	if !ok {
		return a, fmt.Errorf("type: %q; give none, header, basic, bearer or oauth2", a.Type)
	}
	for _, one := range []struct {
		key  string
		text *string
	}{
		{"header", &a.Header}, {"key", &a.Key}, {"user", &a.User}, {"password", &a.Password}, {"token", &a.Token},
		{"url", &a.URL}, {"client_id", &a.ClientID}, {"client_secret", &a.ClientSecret}, {"scope", &a.Scope}, {"client_in", &a.ClientIn},
	} {
		at, optional := slices.Index(fields, one.key), slices.Index(fields, "")
		if *one.text == "" {
			if at >= 0 && (optional < 0 || at < optional) {
				return a, fmt.Errorf("%s: type %s needs it; give it, or ${secret.NAME} with the secret under secrets", one.key, a.Type)
			}
			continue
		}
		if at < 0 {
			return a, fmt.Errorf("%s: type %s has none; leave it out, or give another type", one.key, a.Type)
		}
		t, err := r.read(*one.text)
		if err != nil {
			return a, fmt.Errorf("%s: %w", one.key, err)
		}
		if *one.text, err = t.text(values{}, asItIs); err != nil || !valueForm.MatchString(*one.text) {
			return a, fmt.Errorf("%s: give printable ASCII", one.key)
		}
	}
	return a, nil
}

// compile makes the auth of a partner that is called by that client.
func (a Auth) compile(c Config, client *wire.Client) (auth, error) {
	a, err := a.fill(reader{secrets: c.Secrets})
	if err != nil {
		return auth{}, err
	}
	switch a.Type {
	case "header":
		if !headerForm.MatchString(a.Header) || slices.Contains(transports, http.CanonicalHeaderKey(a.Header)) {
			return auth{}, fmt.Errorf("header: %q can't be set; give the name of the partner's, such as X-Api-Key", a.Header)
		}
		return auth{header: http.CanonicalHeaderKey(a.Header), value: a.Key}, nil
	case "basic":
		if strings.Contains(a.User, ":") { // RFC 7617 section 2
			return auth{}, errors.New("user: give it without the colon and the password")
		}
		return auth{header: "Authorization", value: basic(a.User, a.Password)}, nil
	case "bearer":
		return auth{header: "Authorization", value: "Bearer " + a.Token}, nil
	case "oauth2":
		tokens, err := a.tokens(c, client)
		return auth{header: "Authorization", tokens: tokens}, err
	}
	return auth{}, nil
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// tokens fetch access tokens by the client credentials grant (RFC 6749 section 4.4).
func (a Auth) tokens(c Config, client *wire.Client) (*wire.Tokens, error) {
	if a.ClientIn != "" && a.ClientIn != "header" && a.ClientIn != "body" {
		return nil, fmt.Errorf("client_in: %q; give header or body", a.ClientIn)
	}
	path := a.URL
	if !strings.HasPrefix(a.URL, "/") {
		u, err := url.Parse(a.URL)
		if err == nil {
			path = u.EscapedPath()
			u.Path, u.RawPath = "", ""
			client, err = wire.New(u.String(), c.Dial, c.AllowPrivate, 1)
		}
		if err != nil {
			return nil, errors.New("url: give an absolute http or https URL without a query, such as https://login.partner.example/oauth/token, or a path below the partner's url, such as /oauth/token")
		}
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if a.Scope != "" {
		form.Set("scope", a.Scope)
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if a.ClientIn == "body" {
		form.Set("client_id", a.ClientID)
		form.Set("client_secret", a.ClientSecret)
	} else {
		header.Set("Authorization", basic(url.QueryEscape(a.ClientID), url.QueryEscape(a.ClientSecret))) // RFC 6749 section 2.3.1
	}
	body := []byte(form.Encode())
	return wire.NewTokens(func(ctx context.Context) (string, time.Duration, error) {
		r, err := client.Call(ctx, time.Time{}, http.MethodPost, path, header, body)
		return wire.Granted(r, err, "auth.client_id and auth.client_secret")
	}), nil
}

// set adds the header to those of a call, and returns the access token in it, if it is one. It takes no longer than until the
// deadline. Every error is ErrNotSent or a *verdict.ThrottledError.
func (a auth) set(ctx context.Context, deadline time.Time, h http.Header) (token string, err error) {
	value := a.value
	if a.tokens != nil {
		if token, err = a.tokens.Before(ctx, deadline); err != nil {
			return "", err
		}
		value = "Bearer " + token
	}
	if a.header != "" {
		h.Set(a.header, value)
	}
	return token, nil
}

// refused is the error of a call that the partner turned away at the door (RFC 9110 section 15.5.2): it is as good as not
// sent, and worth another try with a new token.
func (a auth) refused(token string) error {
	if a.tokens != nil {
		return a.tokens.Refused(token)
	}
	return fmt.Errorf("the partner refused our credentials, check auth: %w", verdict.ErrNotSent)
}
