package stream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Config says where the stream lives. Exactly one of Dir and URL is given; Credentials, TLS and Replicas go with URL only.
type Config struct {
	Dir string // folder for the embedded server's store; made if missing, for one process at a time

	// URL is that of a NATS server with JetStream, nats://user:password@host:4222, or those of several servers of one
	// cluster with commas between them. One that answers is enough: servers gossip each other's addresses, and we connect to
	// those as well, so what they advertise must be reachable from here. Who shares its account shares the work.
	URL string

	Credentials string // a .creds file: a user's JWT and the seed of its key
	TLS         TLS

	// Replicas is on how many servers each stream is kept: 1, 3 or 5. With 0 it is three where the cluster has three servers
	// with JetStream or more, else one.
	//
	// The cluster knows best how many it has, so we ask it for that many replicas, and for fewer if it refuses: 5, 3, 1. A
	// cluster that isn't complete yet, or has lost a server, is no reason to stand still. Each instance that had to take
	// fewer says so in its log, asks again every five seconds, and stops asking once it got them. A server that is in no
	// cluster can keep one: more than one is refused by Open, 0 means one there.
	//
	// An instance that starts brings the streams to its own number. One that is running leaves them as they are, so two
	// instances that were told different numbers don't change them to and fro.
	Replicas int

	Log *slog.Logger
}

// TLS names files in PEM. They are read again for each connection, so they may be renewed while we run. None is needed for
// a tls:// URL if a CA that the system trusts signed the servers' certificates; with any of them, servers without TLS are
// refused.
type TLS struct {
	CA   string // certificates of those who may sign the servers' certificates
	Cert string // our certificate, for servers that ask for one; with Key
	Key  string
}

// Validate says which setting can't be used, and the mend. It reads the files and connects to nothing.
func (c Config) Validate() error {
	if c.URL == "" {
		return c.validateEmbedded()
	}
	if c.Dir != "" {
		return errors.New("stream.dir: there are servers at stream.url; give one of the two")
	}
	for _, address := range strings.Split(c.URL, ",") {
		if err := validateURL(strings.TrimSpace(address)); err != nil {
			return fmt.Errorf("stream.url: %w; give nats://host:4222, or tls://host:4222, and commas between several", err)
		}
	}
	switch c.Replicas {
	case 0, 1, 3, 5:
	default:
		return fmt.Errorf("stream.replicas: %d; give 1, 3 or 5, or 0 for as many as the cluster allows, up to three", c.Replicas)
	}
	if err := c.TLS.validate(); err != nil {
		return fmt.Errorf("stream.tls.%w", err)
	}
	if c.Credentials == "" {
		return nil
	}
	if err := validateCredentials(c.Credentials); err != nil {
		return fmt.Errorf("stream.credentials: %w; give a .creds file, as `nsc generate creds` writes it", err)
	}
	return nil
}

func (c Config) validateEmbedded() error {
	switch {
	case c.Dir == "":
		return errors.New("stream.dir: it is empty; give a folder for the embedded server, or servers in stream.url")
	case c.Credentials != "":
		return errors.New("stream.credentials: the embedded server asks for none; remove it, or give stream.url")
	case c.TLS != TLS{}:
		return errors.New("stream.tls: the embedded server is reached by no network; remove it, or give stream.url")
	case c.Replicas > 1 || c.Replicas < 0:
		return fmt.Errorf("stream.replicas: %d; the embedded server keeps one; remove it, or give stream.url", c.Replicas)
	}
	return nil
}

// validateURL returns errors without the address, which may hold a password.
func validateURL(address string) error {
	if address == "" {
		return errors.New("an address in the list is empty")
	}
	if !strings.Contains(address, "://") {
		return errors.New("an address has no scheme")
	}
	u, err := url.Parse(address)
	var malformed *url.Error
	if errors.As(err, &malformed) {
		err = malformed.Err
	}
	switch {
	case err != nil:
		return fmt.Errorf("an address is malformed: %w", err)
	case u.Scheme != "nats" && u.Scheme != "tls":
		return fmt.Errorf("%q is not spoken here", u.Scheme)
	case u.Hostname() == "":
		return errors.New("an address has no host")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return fmt.Errorf("%s has something behind its port", net.JoinHostPort(u.Hostname(), u.Port()))
	}
	return nil
}

func (t TLS) validate() error {
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return fmt.Errorf("ca: %w; give a file of certificates in PEM", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return fmt.Errorf("ca: %s holds no certificate; give a file of certificates in PEM", t.CA)
		}
	}
	switch {
	case t.Cert == "" && t.Key == "":
		return nil
	case t.Key == "":
		return errors.New("key: it is missing; give the key of stream.tls.cert")
	case t.Cert == "":
		return errors.New("cert: it is missing; give the certificate of stream.tls.key")
	}
	if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
		return fmt.Errorf("cert: %w; give a certificate and its key as two files in PEM", err)
	}
	return nil
}

func validateCredentials(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if jwt, err := nkeys.ParseDecoratedJWT(text); err != nil || strings.Count(jwt, ".") != 2 {
		return fmt.Errorf("%s holds no JWT of a user", path)
	}
	key, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return fmt.Errorf("%s holds no seed of a user's key", path)
	}
	key.Wipe()
	return nil
}

// options are those of a connection to servers elsewhere.
func (c Config) options() []nats.Option {
	options := []nats.Option{
		nats.ReconnectWait(reconnectWait),
		nats.IgnoreAuthErrorAbort(), // an account that is refused now may be restored
	}
	if c.Credentials != "" {
		options = append(options, nats.UserCredentials(c.Credentials))
	}
	if c.TLS.CA != "" {
		options = append(options, nats.RootCAs(c.TLS.CA))
	}
	if c.TLS.Cert != "" {
		options = append(options, nats.ClientCert(c.TLS.Cert, c.TLS.Key))
	}
	return options
}

// mend names the setting to look at after a connection failed.
func (c Config) mend(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var network *net.OpError
	switch {
	case errors.Is(err, nats.ErrNoServers):
		return "none of the servers in stream.url can be reached; start them, or correct the addresses"
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		return "the servers refuse us; give a user they know in stream.credentials or in stream.url"
	case errors.As(err, &unknown):
		return "the servers' certificate isn't trusted; give the one that signed it in stream.tls.ca"
	case errors.As(err, &name):
		return "the servers' certificate is for other names; give addresses it is for in stream.url"
	case errors.Is(err, nats.ErrSecureConnWanted):
		return "the servers speak no TLS; remove stream.tls, or turn it on there"
	case errors.Is(err, nats.ErrTLS), errors.As(err, &network) && network.Op == "remote error": // closed on us, or an alert
		return "the servers want another certificate of ours; give one they trust in stream.tls.cert and stream.tls.key"
	}
	return "see whether stream.url is right and the servers run"
}
