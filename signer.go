package verdict

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Signer signs what backends are told, as Standard Webhooks 1.0 has it: with each of its secrets, of which two are live
// while they are being changed.
type Signer struct{ secrets [][]byte }

// The length of a secret in bytes, by Standard Webhooks 1.0 ("Signature scheme").
const minSecret, maxSecret = 24, 64

// NewSigner returns a signer with secrets of the form whsec_ and base64. Without any it doesn't sign.
func NewSigner(secrets ...string) (*Signer, error) {
	s := &Signer{}
	for i, text := range secrets {
		secret, err := standardSecret(text)
		if err != nil || len(secret) < minSecret || len(secret) > maxSecret {
			return nil, fmt.Errorf("secrets: number %d isn't whsec_ and the base64 of %d to %d bytes; make one with `verdict notify secret`",
				i+1, minSecret, maxSecret)
		}
		s.secrets = append(s.secrets, secret)
	}
	return s, nil
}

// Sign sets the headers of an attempt to send a message: its id, the time, and a signature for each secret.
func (s *Signer) Sign(h http.Header, id string, at time.Time, body []byte) {
	seconds := strconv.FormatInt(at.Unix(), 10)
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", seconds)
	if len(s.secrets) == 0 {
		return
	}
	standard := schemes["standard"]
	text := standard.text(signed{id: id, time: seconds}, body)
	signatures := make([]string, len(s.secrets))
	for i, secret := range s.secrets {
		mac := hmac.New(standard.hash, secret)
		mac.Write(text)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
}
