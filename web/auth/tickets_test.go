package auth

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"verdict"
)

func ama() Principal {
	return Principal{Audience: verdict.Audience{Tenant: "shop", Owner: "ama"}, Role: App, Expires: newClock().now().Add(time.Hour)}
}

func TestATicketStandsForWhoeverFetchedIt(t *testing.T) {
	tickets, now := Tickets{[]byte(secret)}, newClock().now()
	longest := strings.Repeat("é", 127) + "x"
	for _, want := range []Principal{
		ama(), anonymous,
		{Audience: verdict.Audience{Tenant: "shop", Owner: "the till"}, Role: Service},
		{Audience: verdict.Audience{Tenant: longest, Owner: longest}, Role: Service},
	} {
		ticket, expires := tickets.Issue(want, now)
		p, id, until, err := tickets.Open(ticket, expires.Add(-time.Nanosecond))
		if err != nil || p != want || id == "" || !until.Equal(expires) || !expires.Equal(now.Add(30*time.Second)) {
			t.Errorf("%+v %q until %s, %v; want %+v until %s", p, id, until, err, want, expires)
		}
		if !strings.HasPrefix(ticket, "vt1_") || strings.Trim(ticket, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q can't stand in a URL as it is", ticket)
		}
		if other, _ := tickets.Issue(want, now); other == ticket {
			t.Error("two tickets are the same")
		} else if _, second, _, err := tickets.Open(other, now); err != nil || second == id {
			t.Errorf("two tickets are spent as one: %v", err)
		}
	}
}

func TestATicketEndsWithItsTimeAndWithItsCredentials(t *testing.T) {
	tickets, now := Tickets{[]byte(secret)}, newClock().now()
	short := ama()
	short.Expires = now.Add(7 * time.Second)
	for _, c := range []struct {
		p    Principal
		life time.Duration
	}{{ama(), 30 * time.Second}, {short, 7 * time.Second}} {
		ticket, expires := tickets.Issue(c.p, now)
		if !expires.Equal(now.Add(c.life)) {
			t.Errorf("it expires at %s, want %s later than %s", expires, c.life, now)
		}
		_, _, _, err := tickets.Open(ticket, now.Add(c.life))
		wantError(t, err, ErrRefused, ticket, "expired")
	}
}

func TestATicketThatIsNoneOfOursIsRefused(t *testing.T) {
	tickets, now := Tickets{[]byte(secret)}, newClock().now()
	ticket, _ := tickets.Issue(ama(), now)
	others, _ := Tickets{[]byte("another secret of another store!")}.Issue(ama(), now)
	key, _ := verdict.Keys{Secret: []byte(secret), Life: time.Hour}.Issue(ama().Audience, "transfer", now)
	for name, forged := range map[string]string{
		"another secret":       others,
		"nothing":              "",
		"the prefix alone":     ticketPrefix,
		"no prefix":            strings.TrimPrefix(ticket, ticketPrefix),
		"a bit less":           ticket[:len(ticket)-1],
		"a bit more":           ticket + "A",
		"another alphabet":     ticketPrefix + "+/+/",
		"zeros":                ticketPrefix + strings.Repeat("A", 200),
		"an idempotency key":   ticketPrefix + strings.TrimPrefix(key, "vk1_"),
		"a webhook's token":    ticketPrefix + verdict.Tokens{Secret: []byte(secret)}.Token("djamo", "x"),
		"more than any can be": ticketPrefix + strings.Repeat("A", 1<<20),
	} {
		_, id, _, err := tickets.Open(forged, now)
		if !errors.Is(err, ErrRefused) || id != "" {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	raw := must(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(ticket, ticketPrefix)))
	for i := range raw {
		raw[i] ^= 1
		if _, _, _, err := tickets.Open(ticketPrefix+base64.RawURLEncoding.EncodeToString(raw), now); err == nil {
			t.Errorf("with another byte %d it is good", i)
		}
		raw[i] ^= 1
	}
}

// TestNothingElseIsSealedAsTicketsAre would fail if tickets were sealed with the store's secret itself, as the others are.
func TestNothingElseIsSealedAsTicketsAre(t *testing.T) {
	text := []byte("djamo\x00x")
	_, mac, _ := strings.Cut(verdict.Tokens{Secret: []byte(secret)}.Token("djamo", "x"), ".")
	if got := base64.RawURLEncoding.EncodeToString(Tickets{[]byte(secret)}.mac(text)); got == mac {
		t.Error("a webhook's token has the MAC of a ticket")
	}
}

// FuzzOpen looks for a text that is taken for another's ticket than ama's, who alone has one, or makes Open panic.
func FuzzOpen(f *testing.F) {
	tickets, now := Tickets{[]byte(secret)}, newClock().now()
	ticket, _ := tickets.Issue(ama(), now)
	raw := must(base64.RawURLEncoding.DecodeString(strings.TrimPrefix(ticket, ticketPrefix)))
	f.Add(ticketPrefix, raw)
	f.Add("", []byte(nil))
	f.Add(ticketPrefix, raw[:ticketFixed])
	f.Add(ticketPrefix, raw[:ticketFixed+ticketMAC])
	f.Fuzz(func(t *testing.T, prefix string, text []byte) {
		forged := prefix + base64.RawURLEncoding.EncodeToString(text)
		p, id, _, err := tickets.Open(forged, now)
		if err == nil && p != ama() || err != nil && (id != "" || p != (Principal{}) || !errors.Is(err, ErrRefused)) {
			t.Errorf("%q: %+v %q, %v", forged, p, id, err)
		}
	})
}
