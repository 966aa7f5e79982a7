package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// The algorithms of RFC 7518 section 3.1 and RFC 8037 section 3.1 that are understood. Each fits one type of key.
var algorithms = []string{"HS256", "RS256", "ES256", "EdDSA"}

// The least that keys must have (RFC 7518 sections 3.2 and 3.3).
const (
	minSecret  = 32   // bytes
	minModulus = 2048 // bits
)

// verifier is a key that proves signatures of one algorithm.
type verifier struct {
	id        string // its kid; empty: it has none
	algorithm string
	key       any // as golang-jwt wants it for the algorithm
}

// newVerifier fixes the algorithm by the type of the key. The error says why a key can't be used.
func newVerifier(id string, key any) (verifier, error) {
	v := verifier{id: id, key: key}
	switch key := key.(type) {
	case []byte:
		if len(key) < minSecret {
			return v, fmt.Errorf("a secret of %d bytes; give at least %d random ones", len(key), minSecret)
		}
		v.algorithm = "HS256"
	case *rsa.PublicKey:
		if key.N.BitLen() < minModulus {
			return v, fmt.Errorf("an RSA key of %d bits; give one of at least %d", key.N.BitLen(), minModulus)
		}
		v.algorithm = "RS256"
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return v, errors.New("an ECDSA key of another curve; give one of P-256")
		}
		v.algorithm = "ES256"
	case ed25519.PublicKey:
		v.algorithm = "EdDSA"
	default:
		return v, errors.New("a key of an unknown kind; give an RSA, P-256 or Ed25519 key")
	}
	return v, nil
}

// openKeys opens the one source of keys that is configured.
func (i *issuer) openKeys(ctx context.Context, c Config) (keySource, error) {
	switch given := [3]bool{len(i.Secrets) > 0, len(i.KeyFiles) > 0, i.JWKS != ""}; given {
	case [3]bool{true, false, false}:
		return secretKeys(i.Secrets)
	case [3]bool{false, true, false}:
		return fileKeys(i.KeyFiles)
	case [3]bool{false, false, true}:
		return newRemote(ctx, i.name, i.Issuer, c)
	}
	return nil, errors.New("jwks: say where its keys are, with exactly one of jwks, key_files and secrets")
}

// fixed are keys from the configuration. They have no names.
type fixed []verifier

func (f fixed) find(context.Context, string) ([]verifier, error) { return f, nil }

func secretKeys(secrets []string) (keys fixed, err error) {
	for _, secret := range secrets {
		v, err := newVerifier("", []byte(secret))
		if err != nil {
			return nil, fmt.Errorf("secrets: %w", err)
		}
		keys = append(keys, v)
	}
	return keys, nil
}

func fileKeys(paths []string) (keys fixed, err error) {
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("key_files: %w", err)
		}
		read, err := pemKeys(content)
		if err != nil {
			return nil, fmt.Errorf("key_files: %s: %w", path, err)
		}
		keys = append(keys, read...)
	}
	return keys, nil
}

// pemKeys reads every key in a PEM file.
func pemKeys(content []byte) (keys fixed, err error) {
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		key, err := publicKey(block)
		if err != nil {
			return nil, err
		}
		v, err := newVerifier("", key)
		if err != nil {
			return nil, err
		}
		keys = append(keys, v)
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no PEM block; give a public key or a certificate")
	}
	return keys, nil
}

// publicKey reads the key in a PEM block. A certificate is only the wrapping of its key: the operator has chosen to trust it,
// so neither its dates nor who signed it count.
func publicKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	}
	return nil, fmt.Errorf("a PEM block %q; give a PUBLIC KEY or a CERTIFICATE", block.Type)
}
