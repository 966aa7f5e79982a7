package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pairFiles are a certificate and its key, in PEM; the chain follows the certificate in its file. Empty: there is no TLS.
type pairFiles struct {
	Cert string `koanf:"cert"`
	Key  string `koanf:"key"`
}

func (f pairFiles) given() bool { return f.Cert != "" }

func (f pairFiles) validate() error {
	if (f.Cert == "") != (f.Key == "") {
		return errors.New("give both cert and key, files in PEM, or neither")
	}
	return nil
}

// appsTLS is that of the listener for apps and partners.
type appsTLS struct {
	pairFiles `koanf:",squash"`
	HTTP2     bool `koanf:"http2"`
}

func (c appsTLS) validate() error {
	if c.HTTP2 && !c.given() {
		return errors.New("http2: it needs a certificate; give tls.cert and tls.key, or leave it to the proxy in front")
	}
	return c.pairFiles.validate()
}

// How a certificate is looked after.
const (
	lookEvery = 5 * time.Second     // at the files
	warnAgain = 24 * time.Hour      // of the same certificate's end
	warnLead  = 21 * 24 * time.Hour // before that, at most; a third of its life if that is shorter
)

// certificate is a pair of files that is read again when they have changed. One that can't be used changes nothing.
type certificate struct {
	pairFiles
	listener string // whose it is, for the log and the metrics
	log      *slog.Logger
	held     atomic.Pointer[tls.Certificate]
	refused  atomic.Bool // what is in the files now

	// What run alone knows.
	seen   [sha256.Size]byte // digest of what was read last
	bad    error             // why that can't be used; nil once it is told
	warned time.Time
}

// openCertificate returns nil if none is given, or an error that says what is wrong with the files. One that has expired is no error: whoever restarts
// an instance that still serves some is not to lose those.
func openCertificate(listener string, files pairFiles, log *slog.Logger) (*certificate, error) {
	if !files.given() {
		return nil, nil
	}
	c := &certificate{pairFiles: files, listener: listener, log: log}
	pair, digest, err := files.read()
	if err != nil {
		return nil, err
	}
	c.seen = digest
	c.held.Store(pair)
	c.warn(time.Now())
	return c, nil
}

// read returns the pair, and the digest of both files also if they are no pair.
func (f pairFiles) read() (*tls.Certificate, [sha256.Size]byte, error) {
	cert, err := os.ReadFile(f.Cert)
	if err != nil {
		return nil, [sha256.Size]byte{}, fmt.Errorf("cert: %w", err)
	}
	key, err := os.ReadFile(f.Key)
	if err != nil {
		return nil, [sha256.Size]byte{}, fmt.Errorf("key: %w", err)
	}
	certSum, keySum := sha256.Sum256(cert), sha256.Sum256(key)
	digest := sha256.Sum256(append(certSum[:], keySum[:]...))
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, digest, fmt.Errorf("%w; give a certificate, with its chain, and the key that belongs to it, both in PEM", err)
	}
	return &pair, digest, nil
}

// run looks at the files, if there are any, until ctx ends.
func (c *certificate) run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			c.look(now)
			c.warn(now)
		}
	}
}

// look takes what is new in the files. They are written one after the other, so what can't be used is told when it is still
// there the next time.
func (c *certificate) look(now time.Time) {
	pair, digest, err := c.read()
	if err == nil && now.After(pair.Leaf.NotAfter) {
		err = fmt.Errorf("it has expired on %s", pair.Leaf.NotAfter.Format(time.DateOnly))
	}
	switch {
	case digest != c.seen:
		c.seen, c.bad = digest, err
		if err == nil {
			c.held.Store(pair)
			c.warned = time.Time{}
			c.log.Info("a new certificate is served", "listener", c.listener, "until", pair.Leaf.NotAfter)
		}
		c.refused.Store(err != nil)
	case c.bad != nil:
		c.log.Error("the certificate in the files can't be used; the old one stays", "listener", c.listener,
			"until", c.held.Load().Leaf.NotAfter, "error", c.bad)
		c.bad = nil
	}
}

// warn tells once a day that the certificate ends soon.
func (c *certificate) warn(now time.Time) {
	leaf := c.held.Load().Leaf
	if now.Sub(c.warned) < warnAgain || leaf.NotAfter.Sub(now) > lead(leaf) {
		return
	}
	c.warned = now
	if now.After(leaf.NotAfter) {
		c.log.Error("the certificate has expired: clients turn away; put a new one in its files", "listener", c.listener, "since", leaf.NotAfter)
		return
	}
	c.log.Warn("the certificate ends soon; put a new one in its files", "listener", c.listener, "until", leaf.NotAfter)
}

func lead(leaf *x509.Certificate) time.Duration {
	return min(warnLead, leaf.NotAfter.Sub(leaf.NotBefore)/3)
}

// secure has a server speak TLS, 1.2 or later, if there is a certificate. HTTP/2 is for those who ask for it: there an event stream isn't ours alone, so that it takes
// six times the memory. WebSockets stay with HTTP/1.1, as every browser has it: it offers that alone for them.
func (c *certificate) secure(server *http.Server, http2 bool) {
	if c == nil {
		return
	}
	server.TLSConfig = &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.held.Load(), nil },
	}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(http2)
	server.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          100,
		MaxReceiveBufferPerConnection: 256 << 10,
		MaxReceiveBufferPerStream:     64 << 10,
		SendPingTimeout:               15 * time.Second, // of silence
		PingTimeout:                   15 * time.Second,
		WriteByteTimeout:              10 * time.Second, // for any byte to be taken
	}
}

// metrics tell how long the certificate is good.
func (c *certificate) metrics() []prometheus.Collector {
	if c == nil {
		return nil
	}
	listener := prometheus.Labels{"listener": c.listener}
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "verdict_tls_certificate_expiry_timestamp_seconds", ConstLabels: listener,
			Help: "When the certificate that is served expires.",
		}, func() float64 { return float64(c.held.Load().Leaf.NotAfter.Unix()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "verdict_tls_certificate_refused", ConstLabels: listener,
			Help: "1 while the files hold a certificate that can't be used, and an older one is served.",
		}, func() float64 {
			if c.refused.Load() {
				return 1
			}
			return 0
		}),
	}
}
