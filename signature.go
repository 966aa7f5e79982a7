package verdict

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrBadSignature: a webhook isn't signed by the partner, or its signature is too old. It doesn't say which.
var ErrBadSignature = errors.New("the webhook's signature is not the partner's")

// signatureAge is how far a signed time may be from ours: five minutes, as Stripe, Wave and Standard Webhooks have it.
const signatureAge = 5 * time.Minute

// Verifier checks that a webhook was signed by a partner. Two secrets are live while they are being changed.
type Verifier struct {
	scheme  scheme
	secrets [][]byte
}

// A scheme is a way of signing webhooks: what is signed, and where the signatures and the time stand.
type scheme struct {
	timed  bool // a time is signed
	hash   func() hash.Hash
	decode func(string) ([]byte, error)
	secret func(string) ([]byte, error)
	read   func(h http.Header) signed
	text   func(s signed, body []byte) []byte
}

// signed is what a webhook's headers say of its signature.
type signed struct {
	id         string
	time       string // Unix seconds
	signatures []string
}

var schemes = map[string]scheme{
	// https://docs.wave.com/webhook: t and the body, with nothing between
	"wave": {true, sha256.New, hex.DecodeString, plainSecret, timed("Wave-Signature"), func(s signed, body []byte) []byte {
		return append([]byte(s.time), body...)
	}},
	// https://docs.stripe.com/webhooks: t, a dot, the body
	"stripe": {true, sha256.New, hex.DecodeString, plainSecret, timed("Stripe-Signature"), func(s signed, body []byte) []byte {
		return append([]byte(s.time+"."), body...)
	}},
	// https://paystack.com/docs/payments/webhooks
	"paystack": {false, sha512.New, hex.DecodeString, plainSecret, bare("X-Paystack-Signature", ""), bodyAlone},
	// https://docs.github.com/webhooks
	"github": {false, sha256.New, hex.DecodeString, plainSecret, bare("X-Hub-Signature-256", "sha256="), bodyAlone},
	// https://www.standardwebhooks.com, version 1.0: id, time and body with dots between; several signatures
	"standard": {true, sha256.New, base64.StdEncoding.DecodeString, standardSecret, standardHeaders, func(s signed, body []byte) []byte {
		return append([]byte(s.id+"."+s.time+"."), body...)
	}},
}

// NewVerifier returns a verifier by the name of its scheme. An error lists the schemes there are, or says what is wrong
// with a secret.
func NewVerifier(name string, secrets ...string) (*Verifier, error) {
	s, ok := schemes[name]
	if !ok {
		return nil, fmt.Errorf("scheme: %q; give one of %s", name, strings.Join(slices.Sorted(maps.Keys(schemes)), ", "))
	}
	v := &Verifier{scheme: s}
	for _, text := range secrets {
		secret, err := s.secret(text)
		if err != nil || len(secret) == 0 {
			return nil, fmt.Errorf("secrets: one is not of the form that %s has; copy it from the partner's console", name)
		}
		v.secrets = append(v.secrets, secret)
	}
	if len(v.secrets) == 0 {
		return nil, errors.New("secrets: give one, or two while they are being changed")
	}
	return v, nil
}

// Verify returns ErrBadSignature unless the bytes of the body were signed with one of the secrets, not long ago.
func (v *Verifier) Verify(h http.Header, body []byte, now time.Time) error {
	s := v.scheme.read(h)
	if v.scheme.timed {
		seconds, err := strconv.ParseInt(s.time, 10, 64)
		if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > signatureAge {
			return ErrBadSignature
		}
	}
	text := v.scheme.text(s, body)
	for _, secret := range v.secrets {
		mac := hmac.New(v.scheme.hash, secret)
		mac.Write(text)
		want := mac.Sum(nil)
		for _, encoded := range s.signatures {
			if got, err := v.scheme.decode(encoded); err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return ErrBadSignature
}

// timed reads a header of the form t=...,v1=...,v1=...
func timed(header string) func(http.Header) signed {
	return func(h http.Header) (s signed) {
		for part := range strings.SplitSeq(h.Get(header), ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch name {
			case "t":
				s.time = value
			case "v1":
				s.signatures = append(s.signatures, value)
			}
		}
		return s
	}
}

// bare reads a header that is a signature behind a prefix.
func bare(header, prefix string) func(http.Header) signed {
	return func(h http.Header) signed {
		signature, ok := strings.CutPrefix(h.Get(header), prefix)
		if !ok {
			return signed{}
		}
		return signed{signatures: []string{signature}}
	}
}

func standardHeaders(h http.Header) signed {
	s := signed{id: h.Get("Webhook-Id"), time: h.Get("Webhook-Timestamp")}
	for part := range strings.FieldsSeq(h.Get("Webhook-Signature")) {
		if signature, ok := strings.CutPrefix(part, "v1,"); ok {
			s.signatures = append(s.signatures, signature)
		}
	}
	return s
}

func bodyAlone(_ signed, body []byte) []byte { return body }

func plainSecret(text string) ([]byte, error) { return []byte(text), nil }

func standardSecret(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	if !ok {
		return nil, errors.New("no whsec_ in front")
	}
	return base64.StdEncoding.DecodeString(encoded)
}
