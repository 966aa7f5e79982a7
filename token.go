package verdict

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// Tokens makes and reads the token in a transaction's webhook URL: the id, and a MAC that only we can make. A caller that
// has the token was told it by us, so no look-up is needed to turn away one that wasn't.
type Tokens struct {
	Secret []byte
}

// Token returns the token of a transaction at a partner.
func (k Tokens) Token(provider, id string) string {
	mac := k.mac(provider, id)
	return id + "." + base64.RawURLEncoding.EncodeToString(mac)
}

// Open returns the id that the token was made for at that partner, and whether it was made by us.
func (k Tokens) Open(provider, token string) (id string, ok bool) {
	id, encoded, _ := strings.Cut(token, ".")
	mac, err := base64.RawURLEncoding.DecodeString(encoded)
	return id, err == nil && hmac.Equal(mac, k.mac(provider, id))
}

// mac is 128 bits of HMAC-SHA256 (RFC 2104 section 5 allows truncation to half the hash).
func (k Tokens) mac(provider, id string) []byte {
	h := hmac.New(sha256.New, k.Secret)
	h.Write([]byte(provider + "\x00" + id))
	return h.Sum(nil)[:sha256.Size/2]
}
