package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// keyPrefix tells API keys from JWTs, and lets scanners find those that leaked.
const keyPrefix = "vsk1_"

// hashPrefix names the digest. A fast one is enough, because a key is 256 random bits and not a password.
const hashPrefix = "sha256:"

type digest = [sha256.Size]byte

// NewKey returns a new API key. Whoever has it is whom it stands for; the configuration needs only its [Hash].
func NewKey() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails, see its documentation
	return keyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
}

// Hash returns what the configuration holds of an API key.
func Hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hashPrefix + hex.EncodeToString(sum[:])
}

func parseHash(text string) (sum digest, err error) {
	encoded, ok := strings.CutPrefix(text, hashPrefix)
	decoded, err := hex.DecodeString(encoded)
	if err != nil || !ok || len(decoded) != len(sum) {
		return sum, errors.New("give sha256: and 64 hexadecimal digits, as `verdict apikey` prints them")
	}
	return digest(decoded), nil
}

// byKey returns whom an API key stands for. Keys are looked up by their digest, so how long that takes tells nothing of
// the keys there are.
func (g *Guard) byKey(key string) (Principal, error) {
	p, ok := g.keys[sha256.Sum256([]byte(key))]
	switch {
	case !ok:
		return Principal{}, refuse("the API key is not configured here")
	case !p.Expires.IsZero() && !g.now().Before(p.Expires):
		return Principal{}, refuse("the API key has expired; have a new one made")
	}
	return p, nil
}
