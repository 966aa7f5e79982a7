package verdict

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"
)

// Why a key that looks like one of ours is refused. Test with errors.Is.
var (
	// ErrKeyUnknown: we didn't issue the key, or not to this owner.
	ErrKeyUnknown = errors.New("the key was not issued to you")

	// ErrKeyPurpose: the key was issued for another operation.
	ErrKeyPurpose = errors.New("the key was issued for another operation")

	// ErrKeyExpired: the key's time is over, and it was never used.
	ErrKeyExpired = errors.New("the key has expired")
)

// Keys issues idempotency keys and knows its own. A key holds all there is to know about it, sealed with a MAC, so that
// issuing one writes nothing and any instance can read it.
type Keys struct {
	Secret []byte
	Life   time.Duration // of a key, from issuing to its first use
}

// keyPrefix tells issued keys from those that clients make.
const keyPrefix = "vk1_"

// The parts of a key, in bytes: Unix seconds of its expiry, randomness, a tag of its purpose, and the MAC over all.
const (
	keyExpiry  = 8
	keyRandom  = 12
	keyPurpose = 4
	keyMAC     = 16
	keyPlain   = keyExpiry + keyRandom
	keySealed  = keyPlain + keyPurpose
)

// Issue returns a new key for one request of that operation, and when it expires.
func (k Keys) Issue(a Audience, operation string, now time.Time) (key string, expires time.Time) {
	expires = now.Add(k.Life).Truncate(time.Second)
	text := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	text = append(text, make([]byte, keyRandom)...)
	_, _ = rand.Read(text[keyExpiry:]) // never fails, see its documentation
	text = append(text, k.purpose(text, operation)...)
	text = append(text, k.seal(text, a)...)
	return keyPrefix + base64.RawURLEncoding.EncodeToString(text), expires
}

// issued reports whether a key claims to be one of ours.
func (k Keys) issued(key string) bool { return strings.HasPrefix(key, keyPrefix) }

// check returns nil if the key was issued to that audience for that operation and hasn't expired, else ErrKeyUnknown,
// ErrKeyPurpose or ErrKeyExpired.
func (k Keys) check(a Audience, operation, key string, now time.Time) error {
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(key, keyPrefix))
	switch {
	case err != nil || !k.issued(key) || len(text) != keySealed+keyMAC:
		return ErrKeyUnknown
	case !hmac.Equal(text[keySealed:], k.seal(text[:keySealed], a)):
		return ErrKeyUnknown
	case !hmac.Equal(text[keyPlain:keySealed], k.purpose(text[:keyPlain], operation)):
		return ErrKeyPurpose
	case now.Unix() >= int64(binary.BigEndian.Uint64(text)):
		return ErrKeyExpired
	}
	return nil
}

func (k Keys) purpose(plain []byte, operation string) []byte {
	return k.mac("purpose", plain, operation)[:keyPurpose]
}

func (k Keys) seal(sealed []byte, a Audience) []byte {
	return k.mac("key", sealed, a.Tenant+"\x00"+a.Owner)[:keyMAC]
}

// mac is HMAC-SHA256 over a use, a fixed number of bytes for that use, and a text.
func (k Keys) mac(use string, fixed []byte, text string) []byte {
	h := hmac.New(sha256.New, k.Secret)
	h.Write([]byte(use))
	h.Write(fixed)
	h.Write([]byte(text))
	return h.Sum(nil)
}
