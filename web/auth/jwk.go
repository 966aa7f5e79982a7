package auth

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// jwk is what is read of a JSON Web Key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037 section 2): no member in it could
// hold a symmetric key.
type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	N         coded  `json:"n"`
	E         coded  `json:"e"`
	X         coded  `json:"x"`
	Y         coded  `json:"y"`
}

// coded are bytes in base64url without padding.
type coded []byte

func (c *coded) UnmarshalText(text []byte) (err error) {
	*c, err = base64.RawURLEncoding.AppendDecode(nil, text)
	return err
}

// parseKeySet returns the keys of a JSON Web Key Set that can be used here; others are passed over, as RFC 7517 section 5
// advises. A set that has none is no error: its issuer has withdrawn all.
func parseKeySet(text []byte) ([]verifier, error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("it is no JSON object with keys: %w", err)
	}
	if set.Keys == nil {
		return nil, errors.New("it has no member keys, so it is no key set")
	}
	var keys []verifier
	for _, text := range *set.Keys {
		var k jwk
		if err := json.Unmarshal(text, &k); err != nil {
			continue
		}
		if v, err := k.verifier(); err == nil {
			keys = append(keys, v)
		}
	}
	return keys, nil
}

// verifier returns an error if the key is not for signatures, or not of a kind and strength that is understood here.
func (k jwk) verifier() (verifier, error) {
	key, err := k.public()
	if err != nil {
		return verifier{}, err
	}
	v, err := newVerifier(k.ID, key)
	if err != nil {
		return verifier{}, err
	}
	if k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != v.algorithm {
		return verifier{}, errors.New("the key is for another use or algorithm")
	}
	return v, nil
}

func (k jwk) public() (any, error) {
	const coordinate = 32 // bytes, of P-256
	switch {
	case k.Type == "RSA" && len(k.E) <= 4:
		return &rsa.PublicKey{N: new(big.Int).SetBytes(k.N), E: int(new(big.Int).SetBytes(k.E).Int64())}, nil
	case k.Type == "EC" && k.Curve == "P-256" && len(k.X) == coordinate && len(k.Y) == coordinate:
		point := append(append([]byte{4}, k.X...), k.Y...) // uncompressed, SEC 1 section 2.3.3
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	case k.Type == "OKP" && k.Curve == "Ed25519" && len(k.X) == ed25519.PublicKeySize:
		return ed25519.PublicKey(k.X), nil
	}
	return nil, errors.New("the key is of another kind")
}
