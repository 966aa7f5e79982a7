package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"verdict"
)

const acmeVariable = "VERDICT_PROVIDERS_ACME_SECRETS_CLIENT=s3cret"

func TestDocumentedPartnersAreConfigurations(t *testing.T) {
	t.Parallel()
	blocks := documentedBlocks(t)
	for _, block := range blocks {
		c, err := readConfig(t, block)
		if err != nil {
			t.Errorf("%v:\n%s", err, block)
			continue
		}
		if _, err := c.openPartner(c.Provider); err != nil {
			t.Error(err)
		}
	}
	if len(blocks) != 2 {
		t.Errorf("%d examples, want those of acme and djamo", len(blocks))
	}
	acme, err := mustReadConfig(t, documented(t, "acme", "https://partner.example")).openPartner("acme")
	want := verdict.Traits{
		Deduplicates: true, WebhookSettles: true, NotFoundFinal: 5 * time.Minute, SettlesWithin: 2 * time.Minute, SubmitTimeout: 20 * time.Second,
		Submits: 64, Checks: 4, Budget: verdict.Budget{Limit: 120, Window: time.Minute, Burst: 1},
	}
	if err != nil || acme.Traits() != want || acme.Scheme != "standard" || len(acme.Secrets) != 1 {
		t.Errorf("%+v, %v", acme.Traits(), err)
	}
}

// The first day with a new partner: describe it, try it, and pay.
func TestADescribedPartnerIsPaidThrough(t *testing.T) {
	t.Parallel()
	partner := newAcme(t, (*httptest.Server).Start)
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t)}
	o := &office{world: w, admin: freeAddress(t)}
	path := filepath.Join(w.dir, "acme.yaml")
	text := documented(t, "acme", partner.URL+"/v2") + "\nschedule: {checks: [1s, 1s, 1s]}\nsweep: 50ms\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, checks, out, err := tried(t, partner, path, acmeVariable); err != nil || checks != 1 {
		t.Fatalf("%d checks, %v:\n%s", checks, err, out)
	}
	cmd := exec.Command(binary, "serve", "--config", path, "--address", o.address, "--admin-address", o.admin,
		"--database", "sqlite:"+filepath.Join(o.dir, "verdict.db"), "--stream-dir", o.streamDir())
	cmd.Env = append(os.Environ(), acmeVariable)
	o.gateway = spawn(t, cmd, "msg=ready")
	o.gateway.await(t)

	for note, want := range map[string]view{
		"webhook": {Status: "succeeded"}, "lost": {Status: "succeeded"}, "refused": {Status: "failed", Reason: "Plafond dépassé"},
	} {
		id := o.submitted(t, note, `{"amount":2500.10,"payer":"2250701020304","note":"`+note+`"}`).ID
		mustBecome(t, note+" is settled", func() bool { return o.file(t, id).Transaction.Stage == "settled" })
		if got := o.submitted(t, note, `{"amount":2500.10,"payer":"2250701020304","note":"`+note+`"}`); got.Status != want.Status || got.Reason != want.Reason {
			t.Errorf("%s: %+v, want %+v", note, got, want)
		}
	}
	lacking := o.submitted(t, "lacking", `{"amount":2500.10}`).ID
	mustBecome(t, "what can't be sent is settled", func() bool { return o.file(t, lacking).Transaction.Stage == "settled" })
	if got := o.file(t, lacking).Transaction; got.Status != verdict.Failed || got.Reason != "payload.payer: it is missing" {
		t.Errorf("%+v", got)
	}
	if posts, _, _ := partner.counts(); posts != 3 {
		t.Errorf("%d posts, want 3", posts)
	}
}

// tried runs the self-check of acme with a configuration.
func tried(t *testing.T, partner *acme, path string, environ ...string) (posts, checks int, out string, err error) {
	t.Helper()
	cmd := exec.Command(binary, "provider", "test", "acme", "--config", path)
	cmd.Env = append(os.Environ(), environ...)
	text, err := cmd.CombinedOutput()
	posts, checks, _ = partner.counts()
	if posts != 0 {
		t.Errorf("the self-check submitted something")
	}
	if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), acmeSecret) {
		t.Errorf("the self-check tells a secret:\n%s", text)
	}
	return posts, checks, string(text), err
}

func TestSelfCheckSaysWhatIsWrongAndTheMend(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	anHourAgo := func(w http.ResponseWriter) {
		answer(200, `{"data":{"payments":[]}}`, "Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))(w)
	}
	for name, test := range map[string]struct {
		odd     func(http.ResponseWriter)
		environ []string
		change  func(config string) string
		wrong   bool
		says    []string
		checks  int
	}{
		"all is well": {nil, nil, nil, false, []string{
			"of kind rest", "ok       configuration  valid", "ok       connection     port", "ok       credentials    an access token",
			"ok       check          a payment that can't exist is not found (HTTP 200); this was the one check",
			"note     budget         the one check that follows takes no turn in it", "asked 121 times in 1m", "ok       clock", "/webhooks/acme/TOKEN",
			"ok       signatures     standard", "It acts once on a reference", "5m after sending is sent again under the same one, 3 times in all", "A webhook settles.",
		}, 1},
		"wrong credentials": {nil, []string{"VERDICT_PROVIDERS_ACME_SECRETS_CLIENT=wrong"}, nil, true,
			[]string{"PROBLEM  credentials    no access token, check auth.client_id and auth.client_secret"}, 0},
		"an answer that isn't described": {answer(404, "<html>no\x1b[31m</html>"), nil, nil, true,
			[]string{"PROBLEM  check          HTTP 404 isn't understood", `"<html>no\x1b[31m</html>"`, "describe it under check.answers"}, 1},
		"a payment out of thin air": {answer(200, `{"data":{"payments":[{"ref":"x","state":"succeeded"}]}}`), nil,
			func(c string) string { return strings.Replace(c, "reference: data.payments.0.ref", "", 1) }, true,
			[]string{"PROBLEM  check          a payment that can't exist is read as succeeded"}, 1},
		"too often":                {answer(429, "", "Retry-After", "90"), nil, nil, true, []string{"PROBLEM  check          refused (HTTP 429)", "1m30s", "check_budget"}, 1},
		"a token that isn't taken": {answer(401, ""), nil, nil, true, []string{"PROBLEM  check          the partner refused our access token"}, 1},
		"a clock that is wrong": {anHourAgo, nil, nil, true,
			[]string{"ok       check", "PROBLEM  clock          ours differs from the partner's by 1h0m"}, 1},
		"no date": {answer(200, `{"data":{"payments":[]}}`, "Date", ""), nil, nil, false, []string{"note     clock"}, 1},
		"unsigned": {nil, nil, func(c string) string {
			return strings.Replace(strings.Replace(c, "webhook_scheme: ", "#", 1), "webhook_secrets: ", "#", 1)
		}, false, []string{"note     signatures     none: whoever learns a payment's URL is believed"}, 1},
		"nobody there": {nil, nil, func(c string) string {
			return strings.Replace(c, "url: http://127.0.0.1:", "url: http://127.0.0.1:1/", 1)
		}, true,
			[]string{"PROBLEM  connection     port 1 of 127.0.0.1 can't be reached", "mend url"}, 0},
		"no such name": {nil, nil, func(c string) string {
			return strings.Replace(c, "url: http://127.0.0.1:", "url: http://partner.invalid/", 1)
		}, true,
			[]string{"PROBLEM  name           partner.invalid can't be resolved", "PROBLEM  webhooks       the partner can't reach http://127.0.0.1:5000/webhooks/acme/TOKEN; set public_url"}, 0},
		"no such setting": {nil, nil, func(c string) string { return strings.Replace(c, "query:", "qeury:", 1) }, true,
			[]string{`"qeury" is no setting; in check there may be: answers, body, headers, method, pass_payload, path, query`}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			partner := newAcme(t, (*httptest.Server).Start)
			partner.odd = test.odd
			text := documented(t, "acme", partner.URL+"/v2")
			if test.change != nil {
				text = test.change(text)
			}
			path := filepath.Join(t.TempDir(), "acme.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, checks, out, err := tried(t, partner, path, append([]string{acmeVariable}, test.environ...)...)
			if (err != nil) != test.wrong || checks != test.checks {
				t.Errorf("%v, %d checks:\n%s", err, checks, out)
			}
			for _, want := range test.says {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in:\n%s", want, out)
				}
			}
		})
	}
}

func TestSelfCheckLooksAtTheCertificate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left  time.Duration
		trust bool
		wrong bool
		says  string
	}{
		"good":    {90 * 24 * time.Hour, true, false, "ok       certificate    of 127.0.0.1 by Acme Authority, until "},
		"ends":    {3 * 24 * time.Hour, true, false, "note     certificate    of 127.0.0.1 by Acme Authority, until "},
		"expired": {-time.Hour, true, true, "PROBLEM  certificate    x509: certificate has expired"},
		"unknown": {90 * 24 * time.Hour, false, true, "PROBLEM  certificate    x509: certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certificate, roots := certified(t, test.left)
			partner := newAcme(t, func(s *httptest.Server) {
				s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
				s.Config.ErrorLog = log.New(io.Discard, "", 0)
				s.StartTLS()
			})
			path := filepath.Join(t.TempDir(), "acme.yaml")
			if err := os.WriteFile(path, []byte(documented(t, "acme", partner.URL+"/v2")), 0o600); err != nil {
				t.Fatal(err)
			}
			environ := []string{acmeVariable}
			if test.trust {
				environ = append(environ, "SSL_CERT_FILE="+roots)
			}
			_, checks, out, err := tried(t, partner, path, environ...)
			if (err != nil) != test.wrong || !strings.Contains(out, test.says) || (checks == 0) != test.wrong {
				t.Errorf("%v, %d checks:\n%s", err, checks, out)
			}
		})
	}
}

// certified makes a certificate of 127.0.0.1 that lasts so long yet, and a file with its authority.
func certified(t *testing.T, left time.Duration) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Acme Authority"}}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(left), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// A partner that refuses checks isn't asked by the self-check either.
func TestSelfCheckKeepsAwayWhileTheCircuitIsOpen(t *testing.T) {
	t.Parallel()
	partner := newAcme(t, (*httptest.Server).Start)
	until := time.Now().Add(time.Hour)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/partners/acme" {
			t.Errorf("asked for %s", r.URL)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"circuit": verdict.CircuitOpen, "circuit_until": until})
	}))
	defer gateway.Close()
	path := filepath.Join(t.TempDir(), "acme.yaml")
	if err := os.WriteFile(path, []byte(documented(t, "acme", partner.URL+"/v2")), 0o600); err != nil {
		t.Fatal(err)
	}
	_, checks, out, err := tried(t, partner, path, acmeVariable, "VERDICT_ADMIN_ADDRESS="+strings.TrimPrefix(gateway.URL, "http://"))
	if want := "PROBLEM  check          none was made: the partner refuses checks until " + moment(until); err == nil || checks != 0 || !strings.Contains(out, want) {
		t.Errorf("%v, %d checks, want %q in:\n%s", err, checks, want, out)
	}
}

func TestPartnersAreListedAndShown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verdict.yaml")
	if err := os.WriteFile(path, []byte(documented(t, "acme", "https://user:pw@partner.example")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "provider", "list", "--config", path).CombinedOutput(); err == nil || strings.Contains(string(out), "pw") {
		t.Errorf("%v: %s", err, out)
	}
	if err := os.WriteFile(path, []byte(documented(t, "acme", "https://partner.example")+"public_url: https://pay.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, says string }{
		{"list", "acme  rest  https://partner.example  of requests that name none"},
		{"show acme", "come to https://pay.example/webhooks/acme/TOKEN"},
		{"show acme", "At most 120 checks are made in 1m, by all instances together; most verdicts are expected within 2m."},
		{"show nobody", `there is no partner "nobody"; verdict provider list shows`},
		{"tset", "unknown command"},
	} {
		out, err := exec.Command(binary, append(append([]string{"provider"}, strings.Fields(test.args)...), "--config", path)...).CombinedOutput()
		if !strings.Contains(string(out), test.says) || (err == nil) != strings.Contains(string(out), "partner.example") {
			t.Errorf("%s: %v, want %q in:\n%s", test.args, err, test.says, out)
		}
	}
}

// What a description holds that is secret isn't shown, whatever it is called.
func TestConfigMasksWhatIsSecretInADescription(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verdict.yaml")
	text := strings.Replace(documented(t, "acme", "https://partner.example"), `headers: {X-Merchant: "17"}`,
		`headers: {X-Merchant: "17", X-Api-Key: hunter2, authorization-2: hunter3, X-Other-Key: "${secret.client}"}`, 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "config", "--config", path)
	cmd.Env = append(os.Environ(), acmeVariable)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "hunter") || strings.Contains(string(out), "s3cret") || strings.Contains(string(out), acmeSecret) {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"client: '***'", "X-Api-Key: '***'", `X-Merchant: "17"`, "client_secret: ${secret.client}", "X-Other-Key: ${secret.client}", "ref: ${reference}"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}
