package stream

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
)

func TestAConfigThatCannotWorkSaysWhatToMend(t *testing.T) {
	ca := newAuthority(t)
	ca.issue(t, "client", x509.Certificate{})
	ca.issue(t, "other", x509.Certificate{})
	ca.write(t, "empty", nil)
	account, _ := keyPair(t, nkeys.CreateAccount)
	creds := credentials(t, account)
	whole, err := os.ReadFile(creds)
	if err != nil {
		t.Fatal(err)
	}
	seedless, seed, _ := strings.Cut(string(whole), "-----BEGIN USER NKEY SEED-----")
	ca.write(t, "seedless", []byte(seedless))
	ca.write(t, "jwtless", []byte("-----BEGIN USER NKEY SEED-----"+seed))
	missing := filepath.Join(t.TempDir(), "missing")
	const url = "nats://127.0.0.1:4222"
	for _, c := range []struct {
		name string
		cfg  Config
		want string // empty: valid
	}{
		{"a folder", Config{Dir: "data"}, ""},
		{"a server", Config{URL: url}, ""},
		{"three", Config{URL: "nats://user:secret@a:4222, tls://b,nats://[::1]:4222", Replicas: 3}, ""},
		{"all there is", Config{URL: url, Replicas: 5, Credentials: creds,
			TLS: TLS{CA: ca.file("ca.pem"), Cert: ca.file("client.pem"), Key: ca.file("client.key")}}, ""},
		{"nothing", Config{}, "stream.dir"},
		{"both", Config{Dir: "data", URL: url}, "stream.dir"},
		{"one of a list is empty", Config{URL: url + ",,nats://b"}, "stream.url"},
		{"one of a list ends it", Config{URL: url + ","}, "stream.url"},
		{"no scheme", Config{URL: "user:secret@127.0.0.1:4222"}, "stream.url"},
		{"no scheme behind a comma", Config{URL: url + ",user:secret@127.0.0.1:4222"}, "stream.url"},
		{"another scheme", Config{URL: "http://user:secret@127.0.0.1:4222"}, "stream.url"},
		{"no host", Config{URL: "nats://user:secret@:4222"}, "stream.url"},
		{"a port that is none", Config{URL: "nats://user:secret@127.0.0.1:port"}, "stream.url"},
		{"a password with a slash", Config{URL: "nats://user:sec/ret@127.0.0.1:4222"}, "stream.url"},
		{"a database", Config{URL: "nats://user:secret@127.0.0.1:4222/verdict"}, "stream.url"},
		{"two replicas", Config{URL: url, Replicas: 2}, "stream.replicas"},
		{"seven replicas", Config{URL: url, Replicas: 7}, "stream.replicas"},
		{"fewer than none", Config{URL: url, Replicas: -1}, "stream.replicas"},
		{"no CA", Config{URL: url, TLS: TLS{CA: missing}}, "stream.tls.ca"},
		{"an empty CA", Config{URL: url, TLS: TLS{CA: ca.file("empty")}}, "stream.tls.ca"},
		{"a certificate without its key", Config{URL: url, TLS: TLS{Cert: ca.file("client.pem")}}, "stream.tls.key"},
		{"a key without its certificate", Config{URL: url, TLS: TLS{Key: ca.file("client.key")}}, "stream.tls.cert"},
		{"another's key", Config{URL: url, TLS: TLS{Cert: ca.file("client.pem"), Key: ca.file("other.key")}}, "stream.tls.cert"},
		{"no certificate", Config{URL: url, TLS: TLS{Cert: missing, Key: ca.file("client.key")}}, "stream.tls.cert"},
		{"no credentials", Config{URL: url, Credentials: missing}, "stream.credentials"},
		{"empty credentials", Config{URL: url, Credentials: ca.file("empty")}, "stream.credentials"},
		{"credentials without a seed", Config{URL: url, Credentials: ca.file("seedless")}, "stream.credentials"},
		{"credentials without a JWT", Config{URL: url, Credentials: ca.file("jwtless")}, "stream.credentials"},
		{"credentials for the embedded server", Config{Dir: "data", Credentials: creds}, "stream.credentials"},
		{"TLS for the embedded server", Config{Dir: "data", TLS: TLS{CA: ca.file("ca.pem")}}, "stream.tls"},
		{"replicas of the embedded server", Config{Dir: "data", Replicas: 3}, "stream.replicas"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.cfg.Validate()
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "secret") ||
				!strings.Contains(err.Error(), "give") {
				t.Fatalf("Validate: %v, want an error that names %s, the mend and no password", err, c.want)
			}
		})
	}
}
