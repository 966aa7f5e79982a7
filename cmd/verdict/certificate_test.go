package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// selfSigned writes a certificate for loopback, which its serial number tells from others, and returns its files and a pool
// that trusts it.
func selfSigned(t *testing.T, into pairFiles, serial int64, from, until time.Time) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "verdict"}, NotBefore: from, NotAfter: until,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, into.Cert, "CERTIFICATE", der)
	writePEM(t, into.Key, "PRIVATE KEY", private)
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return pool
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func filesIn(dir string) pairFiles {
	return pairFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// keeper is a certificate whose log is read.
func keeper(t *testing.T, from, until time.Time) (*certificate, *bytes.Buffer) {
	t.Helper()
	files := filesIn(t.TempDir())
	selfSigned(t, files, 1, from, until)
	var log bytes.Buffer
	c, err := openCertificate("apps", files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return c, &log
}

func (c *certificate) serial() int64 { return c.held.Load().Leaf.SerialNumber.Int64() }

func wantLogged(t *testing.T, log *bytes.Buffer, text string, times int) {
	t.Helper()
	if got := strings.Count(log.String(), text); got != times {
		t.Errorf("%q was logged %d times, want %d:\n%s", text, got, times, log)
	}
}

// valueOf returns what a gauge says.
func valueOf(t *testing.T, c prometheus.Collector) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.(prometheus.Metric).Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetGauge().GetValue()
}

const year = 365 * 24 * time.Hour

func TestANewCertificateIsServed(t *testing.T) {
	now := time.Now()
	c, log := keeper(t, now, now.Add(year))
	c.look(now)
	wantLogged(t, log, "a new certificate", 0)
	selfSigned(t, c.pairFiles, 2, now, now.Add(year))
	c.look(now)
	if c.serial() != 2 {
		t.Errorf("serves number %d", c.serial())
	}
	wantLogged(t, log, "a new certificate", 1)
}

func TestACertificateThatCantBeUsedChangesNothing(t *testing.T) {
	now := time.Now()
	for name, spoil := range map[string]func(pairFiles){
		"no PEM":              func(f pairFiles) { _ = os.WriteFile(f.Cert, []byte("none"), 0o600) },
		"half of it":          func(f pairFiles) { _ = os.Truncate(f.Cert, 100) },
		"no file":             func(f pairFiles) { _ = os.Remove(f.Key) },
		"another's key":       func(f pairFiles) { key := keyOfAnother(t); _ = os.WriteFile(f.Key, key, 0o600) },
		"one that is expired": func(f pairFiles) { selfSigned(t, f, 3, now.Add(-year), now.Add(-time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			c, log := keeper(t, now, now.Add(year))
			spoil(c.pairFiles)
			c.look(now)
			wantLogged(t, log, "can't be used", 0) // it may be half written
			c.look(now)
			c.look(now)
			wantLogged(t, log, "can't be used", 1)
			if c.serial() != 1 || valueOf(t, c.metrics()[1]) != 1 {
				t.Errorf("serves number %d; refused: %v", c.serial(), valueOf(t, c.metrics()[1]))
			}
			selfSigned(t, c.pairFiles, 2, now, now.Add(year))
			c.look(now)
			if c.serial() != 2 || valueOf(t, c.metrics()[1]) != 0 {
				t.Errorf("mended, it serves number %d; refused: %v", c.serial(), valueOf(t, c.metrics()[1]))
			}
		})
	}
}

func keyOfAnother(t *testing.T) []byte {
	t.Helper()
	files := filesIn(t.TempDir())
	selfSigned(t, files, 9, time.Now(), time.Now().Add(year))
	key, err := os.ReadFile(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestTheEndOfACertificateIsToldOnceADay(t *testing.T) {
	begin := time.Now().Truncate(time.Second)
	end := begin.Add(90 * 24 * time.Hour)
	c, log := keeper(t, begin, end)
	for at := begin; at.Before(end.Add(49 * time.Hour)); at = at.Add(time.Hour) {
		c.warn(at)
	}
	wantLogged(t, log, "ends soon", 22)
	wantLogged(t, log, "has expired", 2)
	if got := valueOf(t, c.metrics()[0]); got != float64(end.Unix()) {
		t.Errorf("the metric says %v, want %v", got, end.Unix())
	}
	short, log := keeper(t, begin, begin.Add(6*24*time.Hour))
	short.warn(begin.Add(3 * 24 * time.Hour))
	wantLogged(t, log, "ends soon", 0)
	short.warn(begin.Add(5 * 24 * time.Hour))
	wantLogged(t, log, "ends soon", 1)
}

func TestFilesThatAreNoPairAreAnErrorAtTheStart(t *testing.T) {
	files := filesIn(t.TempDir())
	selfSigned(t, files, 1, time.Now(), time.Now().Add(year))
	if err := os.WriteFile(files.Key, keyOfAnother(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openCertificate("apps", files, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "the key that belongs to it") {
		t.Errorf("got %v", err)
	}
	for text, want := range map[string]string{
		"tls: {cert: a.pem}":          "config: tls: give both",
		"tls: {http2: true}":          "config: tls: http2: it needs a certificate",
		"admin: {tls: {key: a.pem}}":  "config: admin.tls: give both",
		"limits: {connections: 0}":    "config: limits.connections: 0; give 1 or more",
		"limits: {per_user: -1}":      "config: limits.per_user: -1; give 0 or more",
		"tls: {certificate: a.pem}":   `"tls.certificate" is no setting`,
		"limits: {per_user: a dozen}": "limits.per_user",
	} {
		if _, err := readConfig(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// trusting is TLS of a client that trusts a pool, and speaks these protocols.
func trusting(pool *x509.CertPool, protocols ...string) *tls.Config {
	return &tls.Config{RootCAs: pool, NextProtos: protocols}
}
