package goclient

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"verdict"
)

var order = Request{Key: `order "18"`, Operation: "transfer", Provider: "djamo", Payload: json.RawMessage(`{"amount": 12.50}`)}

var accepted = says(http.StatusAccepted, view(1, "pending", "accepted"))

func TestSubmitSendsTheSameKeyAndBytesUntilItIsAnswered(t *testing.T) {
	half := says(http.StatusAccepted, `{"id":`, "Content-Length", "100")
	for name, lost := range map[string]http.HandlerFunc{
		"reset": abort, "half an answer": half, "no answer": hang, "a proxy's words": says(502, "<h1>Bad gateway</h1>"),
		"a captive portal": says(200, "<h1>Log in</h1>"), "overloaded": refuses(503, "overloaded", true),
		"in flight": refuses(409, "in-flight", true), "too many requests": says(429, ""),
	} {
		t.Run(name, func(t *testing.T) {
			replayed := says(http.StatusOK, view(3, "succeeded", "settled"), "Idempotent-Replayed", "true")
			against(t, []http.HandlerFunc{lost, lost, replayed}, func(t *testing.T, c *Client, s *server) {
				got, err := c.Submit(t.Context(), order)
				if err != nil || got.ID != "t" || got.Status != verdict.Succeeded || !got.Replayed {
					t.Fatalf("%+v, %v", got, err)
				}
				requests := s.requests()
				if len(requests) != 3 {
					t.Fatalf("%d requests, want 3", len(requests))
				}
				for _, r := range requests {
					if key := r.header.Get("Idempotency-Key"); r.path != "/v1/transactions" || key != `"order \"18\""` {
						t.Errorf("%s with key %s", r.path, key)
					}
					if want := `{"operation":"transfer","provider":"djamo","payload":{"amount":12.50}}`; r.body != want {
						t.Errorf("sent %s, want %s", r.body, want)
					}
				}
			})
		})
	}
}

func TestSubmitTakesNoForAnAnswer(t *testing.T) {
	for status, slug := range map[int]string{400: "invalid-request", 422: "other-content", 503: "odd", 404: "no-transaction"} {
		against(t, []http.HandlerFunc{refuses(status, slug, status == 404)}, func(t *testing.T, c *Client, s *server) {
			_, err := c.Submit(t.Context(), order)
			p, ok := errors.AsType[*Problem](err)
			if !ok || p.Status != status || p.Slug() != slug || !p.NewKeySafe || len(s.requests()) != 1 {
				t.Errorf("%d: %v after %d requests", status, err, len(s.requests()))
			}
		})
	}
	against(t, []http.HandlerFunc{refuses(422, "other-content", false)}, func(t *testing.T, c *Client, _ *server) {
		if _, err := c.Submit(t.Context(), order); err == nil || err.Error() != "422 Unprocessable Entity: T. D" {
			t.Error(err)
		}
	})
}

func TestSubmitGivesUpAfterSoManyTries(t *testing.T) {
	against(t, []http.HandlerFunc{refuses(503, "overloaded", true)}, func(t *testing.T, c *Client, s *server) {
		_, err := c.Submit(t.Context(), order)
		if p, ok := errors.AsType[*Problem](err); !ok || p.Status != 503 || len(s.requests()) != tries {
			t.Errorf("%v after %d requests", err, len(s.requests()))
		}
		atMost := firstPause
		for i, pause := range s.pauses() {
			if pause >= atMost {
				t.Errorf("pause %d is %s, want less than %s", i, pause, atMost)
			}
			atMost = min(2*atMost, lastPause)
		}
	})
}

func TestSubmitObeysRetryAfter(t *testing.T) {
	now := func() string { return time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat) }
	for text, want := range map[string]time.Duration{
		"3": 3 * time.Second, "3600": time.Minute, "99999999999999999999": 0, "-1": 0, "soon": 0, "date": 7 * time.Second,
	} {
		refused := func(w http.ResponseWriter, r *http.Request) {
			if text == "date" {
				w.Header().Set("Retry-After", now())
			} else {
				w.Header().Set("Retry-After", text)
			}
			refuses(503, "overloaded", true)(w, r)
		}
		against(t, []http.HandlerFunc{refused, accepted}, func(t *testing.T, c *Client, s *server) {
			if _, err := c.Submit(t.Context(), order); err != nil {
				t.Fatal(err)
			}
			if pause := s.pauses()[0]; pause < want || pause >= want+firstPause {
				t.Errorf("Retry-After: %s: came back after %s", text, pause)
			}
		})
	}
}

func TestSubmitEndsWithItsContext(t *testing.T) {
	against(t, []http.HandlerFunc{refuses(503, "overloaded", true, "Retry-After", "30")}, func(t *testing.T, c *Client, s *server) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.Submit(ctx, order)
		if _, ok := errors.AsType[*Problem](err); !ok || !errors.Is(err, context.DeadlineExceeded) || len(s.requests()) != 1 {
			t.Errorf("%v after %d requests", err, len(s.requests()))
		}
	})
	against(t, []http.HandlerFunc{hang}, func(t *testing.T, c *Client, _ *server) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := c.Submit(ctx, order)
		if !errors.Is(err, context.DeadlineExceeded) || strings.Count(err.Error(), "deadline") != 1 {
			t.Error(err)
		}
	})
}

// tokens is a source of a new token at each call.
type tokens struct {
	list []string
	told []string
}

func (k *tokens) next(context.Context) (string, error) {
	if len(k.list) == 0 {
		return "", errors.New("the vault is closed")
	}
	token := k.list[0]
	k.list, k.told = k.list[1:], append(k.told, token)
	return token, nil
}

func TestARefusedTokenIsAskedForAnewOnce(t *testing.T) {
	unauthorized := refuses(401, "unauthenticated", false)
	for name, test := range map[string]struct {
		tokens   []string
		answers  []http.HandlerFunc
		requests []string
		says     string
	}{
		"renewed":         {[]string{"a", "b"}, []http.HandlerFunc{unauthorized, accepted}, []string{"Bearer a", "Bearer b"}, ""},
		"refused again":   {[]string{"a", "b", "c"}, []http.HandlerFunc{unauthorized}, []string{"Bearer a", "Bearer b"}, "401"},
		"the same":        {[]string{"a", "a", "c"}, []http.HandlerFunc{unauthorized}, []string{"Bearer a"}, "401"},
		"none":            {nil, []http.HandlerFunc{accepted}, nil, "vault"},
		"no more":         {[]string{"a"}, []http.HandlerFunc{unauthorized}, []string{"Bearer a"}, "vault"},
		"not a token":     {[]string{"a\n"}, []http.HandlerFunc{accepted}, nil, "no token has"},
		"before each":     {[]string{"a", "b"}, []http.HandlerFunc{abort, accepted}, []string{"Bearer a", "Bearer b"}, ""},
		"anonymous":       {[]string{""}, []http.HandlerFunc{accepted}, []string{""}, ""},
		"refused, no one": {[]string{"", ""}, []http.HandlerFunc{unauthorized}, []string{""}, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			against(t, test.answers, func(t *testing.T, c *Client, s *server) {
				c.Token = (&tokens{list: test.tokens}).next
				began := time.Now()
				_, err := c.Submit(t.Context(), order)
				if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("%v, want %q in it", err, test.says)
				}
				if err != nil && time.Since(began) > 0 {
					t.Errorf("tried for %s", time.Since(began))
				}
				var shown []string
				for _, r := range s.requests() {
					shown = append(shown, r.header.Get("Authorization"))
				}
				if !slices.Equal(shown, test.requests) {
					t.Errorf("shown %q, want %q", shown, test.requests)
				}
			})
		})
	}
}

func TestWhatIsWrongOnOurSideIsNotRepeated(t *testing.T) {
	for name, change := range map[string]func(*Client, *Request){
		"server":  func(c *Client, _ *Request) { c.Server = "localhost:5000" },
		"Server":  func(c *Client, _ *Request) { c.Server = "http:/localhost" },
		"key":     func(_ *Client, r *Request) { r.Key = "" },
		"Key":     func(_ *Client, r *Request) { r.Key = "a\nb" },
		"KEY":     func(_ *Client, r *Request) { r.Key = strings.Repeat("k", 256) },
		"payload": func(_ *Client, r *Request) { r.Payload = json.RawMessage(`{`) },
	} {
		against(t, []http.HandlerFunc{accepted}, func(t *testing.T, c *Client, s *server) {
			r, began := order, time.Now()
			change(c, &r)
			_, err := c.Submit(t.Context(), r)
			if err == nil || !strings.Contains(err.Error(), strings.ToLower(name)) || len(s.requests()) > 0 || time.Since(began) > 0 {
				t.Errorf("%s: %v after %s and %d requests", name, err, time.Since(began), len(s.requests()))
			}
		})
	}
}

func TestAnotherServersAnswerIsNoTransaction(t *testing.T) {
	against(t, []http.HandlerFunc{says(200, `{"ok":true}`)}, func(t *testing.T, c *Client, _ *server) {
		if _, err := c.Submit(t.Context(), order); err == nil || !strings.Contains(err.Error(), "no transaction") {
			t.Error(err)
		}
	})
}

func TestOwnHTTPClientFollowsNoRedirects(t *testing.T) {
	s := &server{answers: []http.HandlerFunc{says(302, "", "Location", "/elsewhere"), accepted}}
	h := httptest.NewServer(s)
	defer h.Close()
	_, err := (&Client{Server: h.URL}).Submit(t.Context(), order)
	if p, ok := errors.AsType[*Problem](err); !ok || p.Status != 302 || len(s.requests()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.requests()))
	}
}

func TestIssueKey(t *testing.T) {
	issued := says(http.StatusCreated, `{"key":"vk1_x","operation":"transfer","expires_at":"2026-01-15T10:15:00Z"}`)
	against(t, []http.HandlerFunc{abort, issued}, func(t *testing.T, c *Client, s *server) {
		key, expires, err := c.IssueKey(t.Context(), "transfer")
		if err != nil || key != "vk1_x" || !expires.Equal(time.Date(2026, 1, 15, 10, 15, 0, 0, time.UTC)) {
			t.Errorf("%s, %s, %v", key, expires, err)
		}
		if r := s.requests()[1]; r.path != "/v1/idempotency-keys" || r.body != `{"operation":"transfer"}` {
			t.Errorf("sent %s to %s", r.body, r.path)
		}
	})
}

func TestConfirm(t *testing.T) {
	at := time.Date(2026, 11, 22, 2, 19, 25, 104e6, time.UTC)
	confirmed := says(http.StatusOK, `{"transaction":"t/1","id":18,"at":"2026-11-22T02:19:25.104Z"}`)
	for event, body := range map[int64]string{18: `{"id":18}`, 0: `{}`} {
		against(t, []http.HandlerFunc{abort, confirmed}, func(t *testing.T, c *Client, s *server) {
			if got, err := c.Confirm(t.Context(), "t/1", event); err != nil || !got.Equal(at) {
				t.Errorf("%s, %v", got, err)
			}
			if r := s.requests()[1]; r.path != "/v1/transactions/t%2F1/ack" || r.body != body {
				t.Errorf("sent %s to %s", r.body, r.path)
			}
		})
	}
}
