package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestABadConfigurationIsRefusedWithTheMend(t *testing.T) {
	withKeys := func(change func(*Issuer)) Config {
		i := shop()
		i.Secrets = []string{secret}
		change(&i)
		return issuers(i)
	}
	file := func(path string) Config {
		return withKeys(func(i *Issuer) { i.Secrets, i.KeyFiles = nil, []string{path} })
	}
	jwks := func(url string) Config {
		return withKeys(func(i *Issuer) { i.Secrets, i.JWKS = nil, url })
	}
	key := func(change func(*Key)) Config {
		k := Key{Hash: Hash("x"), Role: Service, Tenant: "shop"}
		change(&k)
		return Config{Keys: map[string]Key{"till": k}}
	}
	weak := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	private := filepath.Join(t.TempDir(), "private.pem")
	content := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(edKey()))})
	if err := os.WriteFile(private, content, 0o600); err != nil {
		t.Fatal(err)
	}
	twice := withKeys(func(*Issuer) {})
	twice.Issuers["kiosk"] = twice.Issuers["shop"]
	same := key(func(*Key) {})
	same.Keys["other"] = same.Keys["till"]
	unnamed := withKeys(func(*Issuer) {})
	unnamed.Issuers[strings.Repeat("x", 256)] = unnamed.Issuers["shop"]
	delete(unnamed.Issuers, "shop")

	for name, test := range map[string]struct {
		config Config
		says   []string
	}{
		"leeway below zero":   {Config{Leeway: -1}, []string{"leeway", "30s"}},
		"leeway of an hour":   {Config{Leeway: time.Hour}, []string{"leeway", "5m"}},
		"no iss":              {withKeys(func(i *Issuer) { i.Issuer = "" }), []string{"issuers.shop.issuer", "iss"}},
		"no audience":         {withKeys(func(i *Issuer) { i.Audiences = nil }), []string{"issuers.shop.audiences", "aud"}},
		"an empty audience":   {withKeys(func(i *Issuer) { i.Audiences = []string{"verdict", ""} }), []string{"issuers.shop.audiences"}},
		"no keys":             {withKeys(func(i *Issuer) { i.Secrets = nil }), []string{"issuers.shop", "exactly one of jwks, key_files and secrets"}},
		"keys of two sources": {withKeys(func(i *Issuer) { i.JWKS = "https://x.example" }), []string{"issuers.shop", "exactly one of"}},
		"a short secret":      {withKeys(func(i *Issuer) { i.Secrets = []string{secret, secret[:31]} }), []string{"issuers.shop.secrets", "32"}},
		"two of one iss":      {twice, []string{"issuers.shop.issuer", "issuers.kiosk"}},
		"no tenant's name":    {unnamed, []string{"tenant_claim"}},
		"no file":             {file("/nowhere/keys.pem"), []string{"issuers.shop.key_files", "/nowhere/keys.pem"}},
		"no PEM":              {file(os.DevNull), []string{"issuers.shop.key_files", "PEM"}},
		"a private key":       {file(private), []string{"issuers.shop.key_files", "PUBLIC KEY"}},
		"RSA of 1024 bits":    {file(pemFile(t, weak)), []string{"issuers.shop.key_files", "2048"}},
		"P-384":               {file(pemFile(t, p384.Public())), []string{"issuers.shop.key_files", "P-256"}},
		"http to others":      {jwks("http://id.shop.example/jwks.json"), []string{"issuers.shop.jwks", "https"}},
		"a name like ours":    {jwks("http://localhost.evil.example/"), []string{"issuers.shop.jwks", "https"}},
		"a file's URL":        {jwks("file:///etc/passwd"), []string{"issuers.shop.jwks", "https"}},
		"no host":             {jwks("https:///jwks.json"), []string{"issuers.shop.jwks", "https"}},
		"a key itself":        {key(func(k *Key) { k.Hash = NewKey() }), []string{"keys.till.hash", "sha256:"}},
		"half a hash":         {key(func(k *Key) { k.Hash = k.Hash[:40] }), []string{"keys.till.hash", "64"}},
		"no role":             {key(func(k *Key) { k.Role = "" }), []string{"keys.till.role", "service"}},
		"no tenant":           {key(func(k *Key) { k.Tenant = "" }), []string{"keys.till.tenant"}},
		"a control character": {key(func(k *Key) { k.Subject = "a\nb" }), []string{"keys.till.subject"}},
		"one key twice":       {same, []string{"keys.till.hash"}},
	} {
		_, err := New(t.Context(), test.config)
		if err == nil {
			t.Errorf("%s: it is taken", name)
			continue
		}
		for _, word := range test.says {
			if !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), secret[:31]) {
				t.Errorf("%s: %q is missing in: %v", name, word, err)
			}
		}
	}
	for _, url := range []string{"https://id.shop.example/jwks.json", "http://127.0.0.1:1/", "http://[::1]:1/", "http://localhost/"} {
		if _, err := New(t.Context(), jwks(url)); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestACertificateHoldsAKey(t *testing.T) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, ecKey().Public(), ecKey()))
	keys, err := pemKeys(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	if err != nil || len(keys) != 1 || keys[0].algorithm != "ES256" {
		t.Errorf("%+v, %v", keys, err)
	}
}
