package rest

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
	"verdict/provider/providertest"
	"verdict/provider/wire"
)

// heard is what a partner is told by a call.
type heard struct{ host, call, authorization, key, contentType, body string }

// listening returns the adapter of a partner that gives access tokens, turns away the first one, and finds nothing else out of
// the ordinary; and what it is told.
func listening(t *testing.T, a Auth) (*Provider, *[]heard) {
	var said []heard
	pipe := providertest.NewPipe()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		said = append(said, heard{r.Host, r.Method + " " + r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("X-Api-Key"), r.Header.Get("Content-Type"), string(body)})
		switch {
		case r.Method == http.MethodPost:
			_, _ = io.WriteString(w, `{"access_token":"token","token_type":"bearer","expires_in":3600}`)
		case a.Type == "oauth2" && len(said) == 2:
			w.WriteHeader(http.StatusUnauthorized)
		default:
			_, _ = io.WriteString(w, `{"data":{"payments":[]}}`)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(pipe) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	c := example(t, "acme")
	c.Auth, c.Headers, c.URL = a, nil, "http://partner.example/v2"
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return pipe.Dial(ctx, network, address)
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p, &said
}

func look(t *testing.T, p *Provider) (verdict.Answer, error) {
	return p.Check(t.Context(), verdict.Question{Reference: "ref", Deadline: time.Now().Add(verdict.CheckTimeout)})
}

func TestCredentialsGoWithEachCall(t *testing.T) {
	const call = "GET /v2/payments?ref=ref"
	for _, tt := range []struct {
		auth  Auth
		means string
		want  heard
	}{
		{Auth{}, "", heard{"partner.example", call, "", "", "", ""}},
		{Auth{Type: "none"}, "", heard{"partner.example", call, "", "", "", ""}},
		{Auth{Type: "header", Header: "x-api-key", Key: "${secret.client}"}, "header credentials with each call", heard{"partner.example", call, "", "...", "", ""}},
		{Auth{Type: "basic", User: "shop", Password: "pass:word"}, "basic credentials with each call", heard{"partner.example", call, "Basic c2hvcDpwYXNzOndvcmQ=", "", "", ""}},
		{Auth{Type: "bearer", Token: "t0"}, "bearer credentials with each call", heard{"partner.example", call, "Bearer t0", "", "", ""}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, said := listening(t, tt.auth)
			if means, err := p.Authenticate(t.Context()); means != tt.means || err != nil {
				t.Errorf("%+v: means %q, %v", tt.auth, means, err)
			}
			if a, err := look(t, p); err != nil || a.Outcome != verdict.OutcomeNotFound {
				t.Errorf("%+v: %q, %v", tt.auth, a.Outcome, err)
			}
			if len(*said) != 1 || (*said)[0] != tt.want {
				t.Errorf("told %+v, want %+v", *said, tt.want)
			}
		})
	}
}

func TestAccessTokensAreFetchedKeptAndRenewed(t *testing.T) {
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		auth Auth
		want heard
	}{
		{Auth{Type: "oauth2", URL: "/oauth/token", ClientID: "shop", ClientSecret: "a:b"},
			heard{"partner.example", "POST /v2/oauth/token", "Basic c2hvcDphJTNBYg==", "", form, "grant_type=client_credentials"}},
		{Auth{Type: "oauth2", URL: "http://login.example/t/", ClientID: "shop", ClientSecret: "${secret.client}", Scope: "pay read", ClientIn: "body"},
			heard{"login.example", "POST /t/", "", "", form, "client_id=shop&client_secret=...&grant_type=client_credentials&scope=pay+read"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, said := listening(t, tt.auth)
			if means, err := p.Authenticate(t.Context()); means != "an access token" || err != nil {
				t.Errorf("means %q, %v", means, err)
			}
			if _, err := look(t, p); kindOf(err) != "not sent" { // the first call is turned away
				t.Errorf("got %v", err)
			}
			time.Sleep(wire.TokenPause)
			for range 3 {
				if a, err := look(t, p); err != nil || a.Outcome != verdict.OutcomeNotFound {
					t.Errorf("%q, %v", a.Outcome, err)
				}
			}
			if len(*said) != 6 || (*said)[0] != tt.want || (*said)[2] != tt.want || (*said)[5].authorization != "Bearer token" || (*said)[5].key != "" {
				t.Errorf("told %+v, want twice %+v", *said, tt.want)
			}
		})
	}
}
