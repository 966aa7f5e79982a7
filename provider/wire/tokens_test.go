package wire

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"verdict"
)

func TestTokenMayBeGivenInOtherForms(t *testing.T) {
	for body, want := range map[string]time.Duration{
		`{"access_token":"t","expires_in":3600}`:                   time.Hour,
		`{"access_token":"t","expires_in":"3599","scope":["a"]}`:   3599 * time.Second,
		`{"access_token":"t","expires_in":4294967295,"x":{"y":1}}`: maxLife,
	} {
		if token, life, err := readToken([]byte(body)); token != "t" || life != want || err != nil {
			t.Errorf("%s: got %q for %s, %v; want %s", body, token, life, err, want)
		}
	}
}

func TestShortLivedTokenIsUsedForHalfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens := NewTokens(nil)
		tokens.Keep("t", 20*time.Second)
		time.Sleep(10*time.Second - 1)
		if tokens.current() != "t" {
			t.Error("gone before half its life")
		}
		time.Sleep(time.Nanosecond)
		if got := tokens.current(); got != "" {
			t.Errorf("after half its life: %q", got)
		}
	})
}

func TestCallerWhoseTimeIsOverNeverFetches(t *testing.T) {
	tokens := NewTokens(func(context.Context) (string, time.Duration, error) {
		t.Error("fetched")
		return "", 0, verdict.ErrNotSent
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // it is the caller's turn as well, and a select takes either
		if _, err := tokens.Get(ctx); !errors.Is(err, errNoTurn) || !errors.Is(err, verdict.ErrNotSent) {
			t.Fatal(err)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add([]byte(`{"access_token":"t","expires_in":3600}`))
	f.Add([]byte(`{"access_token":"t\r\nX-Evil: 1","expires_in":"1"}`))
	f.Add([]byte(`{"access_token":1,"expires_in":1e3}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		token, life, err := readToken(body)
		if err != nil {
			if token != "" || life != 0 || !errors.Is(err, verdict.ErrNotSent) || errors.Is(err, verdict.ErrUncertain) {
				t.Errorf("got %q, %s beside %v", token, life, err)
			}
			return
		}
		if token == "" || strings.ContainsAny(token, " \r\n\x00") || life <= 0 || life > maxLife {
			t.Errorf("got %q for %s", token, life)
		}
	})
}
