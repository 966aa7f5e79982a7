package verdict

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"testing"
	"time"
)

func sum(h func() hash.Hash, secret, text string) []byte {
	mac := hmac.New(h, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// A signedCase is a webhook as a partner signs it, built from the partner's own description.
type signedCase struct {
	scheme  string
	secret  string // as configured
	headers func(secret, at, body string) http.Header
	timed   bool
}

var signedCases = []signedCase{
	{"wave", "s3cret", func(secret, at, body string) http.Header {
		return http.Header{"Wave-Signature": {fmt.Sprintf("t=%s,v1=%x", at, sum(sha256.New, secret, at+body))}}
	}, true},
	{"stripe", "s3cret", func(secret, at, body string) http.Header {
		return http.Header{"Stripe-Signature": {fmt.Sprintf("t=%s,v1=00,v1=%x,v0=zz", at, sum(sha256.New, secret, at+"."+body))}}
	}, true},
	{"paystack", "s3cret", func(secret, _, body string) http.Header {
		return http.Header{"X-Paystack-Signature": {hex.EncodeToString(sum(sha512.New, secret, body))}}
	}, false},
	{"github", "s3cret", func(secret, _, body string) http.Header {
		return http.Header{"X-Hub-Signature-256": {fmt.Sprintf("sha256=%x", sum(sha256.New, secret, body))}}
	}, false},
	{"standard", "whsec_" + base64.StdEncoding.EncodeToString([]byte("s3cret")), func(secret, at, body string) http.Header {
		signature := base64.StdEncoding.EncodeToString(sum(sha256.New, secret, "msg_1."+at+"."+body))
		return http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {at}, "Webhook-Signature": {"v1a,xx v1,AAAA v1," + signature}}
	}, true},
}

func TestSignedWebhooksAreVerified(t *testing.T) {
	const body = `{"id":"x", "status":"completed"}`
	unix := func(at time.Time) string { return fmt.Sprint(at.Unix()) }
	for _, c := range signedCases {
		t.Run(c.scheme, func(t *testing.T) {
			old, err := NewVerifier(c.scheme, c.secret)
			if err != nil {
				t.Fatal(err)
			}
			other := "other"
			if c.scheme == "standard" {
				other = "whsec_b3RoZXI="
			}
			changing, err := NewVerifier(c.scheme, other, c.secret)
			if err != nil {
				t.Fatal(err)
			}
			good := c.headers("s3cret", unix(start), body)
			expect := func(what string, v *Verifier, h http.Header, body string, want error) {
				t.Helper()
				if err := v.Verify(h, []byte(body), start); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", what, err, want)
				}
			}
			expect("as signed", old, good, body, nil)
			expect("while secrets change", changing, good, body, nil)
			expect("another secret", old, c.headers("guess", unix(start), body), body, ErrBadSignature)
			expect("another body", old, good, body+" ", ErrBadSignature)
			expect("no headers", old, http.Header{}, body, ErrBadSignature)
			if c.timed {
				expect("as old as may be", old, c.headers("s3cret", unix(after(-signatureAge)), body), body, nil)
				expect("too old", old, c.headers("s3cret", unix(after(-signatureAge-time.Second)), body), body, ErrBadSignature)
				expect("from the future", old, c.headers("s3cret", unix(after(signatureAge+time.Second)), body), body, ErrBadSignature)
				expect("no time", old, c.headers("s3cret", "", body), body, ErrBadSignature)
			}
		})
	}
}

func TestAVerifierSaysWhatIsWrongWithItsSettings(t *testing.T) {
	for _, test := range []struct{ scheme, secret, says string }{
		{"morse", "s", "paystack"},
		{"standard", "no prefix", "secrets"},
		{"stripe", "", "secrets"},
	} {
		if _, err := NewVerifier(test.scheme, test.secret); err == nil || !bytes.Contains([]byte(err.Error()), []byte(test.says)) {
			t.Errorf("%s: %v, want %q in it", test.scheme, err, test.says)
		}
	}
	if _, err := NewVerifier("stripe"); err == nil {
		t.Error("no secret: accepted")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("t=1,v1=00", "sha256=00", "v1,AAAA", "1")
	f.Fuzz(func(t *testing.T, timed, bare, standard, at string) {
		for _, c := range signedCases {
			v, err := NewVerifier(c.scheme, c.secret)
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{
				"Wave-Signature": {timed}, "Stripe-Signature": {timed}, "X-Paystack-Signature": {bare}, "X-Hub-Signature-256": {bare},
				"Webhook-Id": {bare}, "Webhook-Timestamp": {at}, "Webhook-Signature": {standard},
			}
			if v.Verify(h, []byte("{}"), start) == nil {
				t.Fatalf("%s accepted %v", c.scheme, h)
			}
		}
	})
}
