package stream

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// refusedAtStart asserts that a stream isn't opened, and that the error names the setting and shows no secret.
func refusedAtStart(t *testing.T, cfg Config, setting string) {
	t.Helper()
	cfg.Log = slog.New(slog.DiscardHandler)
	s, err := Open(context.Background(), cfg)
	if err == nil {
		s.Close()
		t.Fatalf("it opened, want an error that names %s", setting)
	}
	if !strings.Contains(err.Error(), setting) || strings.Contains(err.Error(), "secret") {
		t.Errorf("Open: %v, want an error that names %s and no password", err, setting)
	}
}

// authority signs certificates for a test.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.issue(t, "ca", x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.pem and NAME.key.
func (a *authority) issue(t *testing.T, name string, template x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if a.cert == nil {
		a.cert, a.key = &template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	a.write(t, name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(t, name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
}

func (a *authority) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(a.file(name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *authority) file(name string) string { return filepath.Join(a.dir, name) }

func TestAClusterThatAsksForCertificates(t *testing.T) {
	t.Parallel()
	ca, stranger := newAuthority(t), newAuthority(t)
	ca.issue(t, "server", x509.Certificate{
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	ours := x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	ca.issue(t, "client", ours)
	stranger.issue(t, "client", ours)
	c := prepare(t, fmt.Sprintf("tls {cert_file: %q, key_file: %q, ca_file: %q, verify: true}",
		ca.file("server.pem"), ca.file("server.key"), ca.file("ca.pem")))
	for _, n := range c.nodes {
		c.start(t, n)
	}
	c.ready(t, 3, nats.RootCAs(ca.file("ca.pem")), nats.ClientCert(ca.file("client.pem"), ca.file("client.key")))

	all := TLS{CA: ca.file("ca.pem"), Cert: ca.file("client.pem"), Key: ca.file("client.key")}
	url := strings.Replace(c.nodes[0].url(), "nats://", "tls://", 1)
	for _, refused := range []struct {
		tls     TLS
		setting string
	}{
		{TLS{}, "stream.tls.ca"},
		{TLS{CA: stranger.file("ca.pem"), Cert: all.Cert, Key: all.Key}, "stream.tls.ca"},
		{TLS{CA: all.CA}, "stream.tls.cert"},
		{TLS{CA: all.CA, Cert: stranger.file("client.pem"), Key: stranger.file("client.key")}, "stream.tls.cert"},
	} {
		refusedAtStart(t, Config{URL: url, TLS: refused.tls}, refused.setting)
	}
	plain := "nats://" + listen(t, -1).Addr().String()
	refusedAtStart(t, Config{URL: plain, TLS: all}, "stream.tls")

	s := open(t, Config{URL: url, TLS: all})
	recovers(t, s, healing, func() { c.connected(t, s).kill() }) // to servers it knows by gossip, which says nothing of TLS
}

func keyPair(t *testing.T, create func() (nkeys.KeyPair, error)) (pair nkeys.KeyPair, public string) {
	t.Helper()
	pair, err := create()
	if err != nil {
		t.Fatal(err)
	}
	public, err = pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	return pair, public
}

func encodeClaims(t *testing.T, claims jwt.Claims, signer nkeys.KeyPair) string {
	t.Helper()
	text, err := claims.Encode(signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// trust returns what a server's configuration file says of an operator with one account, and that account's key.
func trust(t *testing.T) (text string, account nkeys.KeyPair) {
	t.Helper()
	operator, operatorID := keyPair(t, nkeys.CreateOperator)
	account, accountID := keyPair(t, nkeys.CreateAccount)
	_, systemID := keyPair(t, nkeys.CreateAccount)
	unlimited := jwt.NewAccountClaims(accountID)
	unlimited.Limits.JetStreamLimits = jwt.JetStreamLimits{
		MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit,
	}
	return fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload {\n%s: %s\n%s: %s\n}",
		encodeClaims(t, jwt.NewOperatorClaims(operatorID), operator), systemID,
		systemID, encodeClaims(t, jwt.NewAccountClaims(systemID), operator),
		accountID, encodeClaims(t, unlimited, operator)), account
}

// credentials writes the .creds file of a new user of an account.
func credentials(t *testing.T, account nkeys.KeyPair) (file string) {
	t.Helper()
	user, id := keyPair(t, nkeys.CreateUser)
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.FormatUserConfig(encodeClaims(t, jwt.NewUserClaims(id), account), seed)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "user.creds")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAClusterThatAsksForCredentials(t *testing.T) {
	t.Parallel()
	text, account := trust(t)
	stranger, _ := keyPair(t, nkeys.CreateAccount)
	c := prepare(t, text)
	for _, n := range c.nodes {
		c.start(t, n)
	}
	file := credentials(t, account)
	c.ready(t, 3, nats.UserCredentials(file))

	refusedAtStart(t, Config{URL: c.url()}, "stream.credentials")
	refusedAtStart(t, Config{URL: c.url(), Credentials: credentials(t, stranger)}, "stream.credentials")
	refusedAtStart(t, Config{URL: strings.Replace(c.nodes[0].url(), "//", "//verdict:secret@", 1)}, "stream.credentials")

	s := open(t, Config{URL: c.nodes[0].url(), Credentials: file})
	recovers(t, s, healing, func() { c.connected(t, s).kill() })
}
