package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"verdict/web/admin"
)

const (
	lookTimeout = 10 * time.Second    // for each thing that is tried
	renewBefore = 14 * 24 * time.Hour // a certificate that ends sooner is worth a note
)

// connect looks up the partner's name and connects as the adapter would, and reports whether that goes.
func (p openedPartner) connect(ctx context.Context, r *report) bool {
	u, err := p.base()
	if err != nil {
		r.note("connection", "not tried: %v", err)
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	host := u.Hostname()
	if net.ParseIP(host) == nil {
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			r.problem("name", "%s can't be resolved; mend url, or this machine's DNS", host)
			return false
		}
		r.ok("name", "%s is %s", host, strings.Join(addresses, ", "))
	}
	begun := time.Now()
	conn, err := p.out.DialContext(ctx, "tcp", net.JoinHostPort(host, portOf(u)))
	if err != nil {
		r.problem("connection", "port %s of %s can't be reached (%v); mend url, or open the way to it in the firewalls", portOf(u), host, cause(err))
		return false
	}
	defer conn.Close()
	r.ok("connection", "port %s answered within %s", portOf(u), max(time.Since(begun), time.Millisecond).Round(time.Millisecond))
	if u.Scheme == "https" {
		return secure(ctx, r, conn, host)
	}
	if !admin.Loopback(host) {
		r.note("connection", "plain HTTP: whoever is on the way reads payments and credentials; give an https url")
	}
	return true
}

func portOf(u *url.URL) string {
	if u.Port() != "" {
		return u.Port()
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}

// cause is what a network error comes down to.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// secure looks at the partner's certificate.
func secure(ctx context.Context, r *report, conn net.Conn, host string) bool {
	secured := tls.Client(conn, &tls.Config{ServerName: host})
	if err := secured.HandshakeContext(ctx); err != nil {
		var untrusted *tls.CertificateVerificationError
		if errors.As(err, &untrusted) {
			r.problem("certificate", "%v; the partner must mend it, unless url, this machine's clock or its list of authorities is wrong", untrusted.Err)
			return false
		}
		r.problem("certificate", "the TLS handshake failed (%v); does url speak https?", err)
		return false
	}
	leaf := secured.ConnectionState().PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	text := fmt.Sprintf("of %s by %s, until %s", host, authority(leaf), leaf.NotAfter.UTC().Format(time.DateOnly))
	if left < renewBefore {
		r.note("certificate", "%s: see that the partner renews it", text)
		return true
	}
	r.ok("certificate", "%s", text)
	return true
}

func authority(c *x509.Certificate) string {
	if len(c.Issuer.Organization) > 0 {
		return c.Issuer.Organization[0]
	}
	return c.Issuer.CommonName
}
