package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fetched fetches a key for the default operation.
func (o *office) fetched(t *testing.T) (key string, expires time.Time) {
	t.Helper()
	answer, err := http.Post("http://"+o.address+"/v1/idempotency-keys", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		t.Fatal(readProblem(answer))
	}
	var v struct {
		Key       string    `json:"key"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v.Key, v.ExpiresAt
}

// mustRefuse submits under a key, which must be refused with a kind of problem.
func (o *office) mustRefuse(t *testing.T, key, kind string) {
	t.Helper()
	_, err := o.app(key).post(`{"simulate":{"reply":"ok","reply_after":"25s"}}`)
	var refused *problemError
	if !errors.As(err, &refused) || refused.Type != "/problems/"+kind {
		t.Errorf("%s: %v, want %s", key, err, kind)
	}
}

func TestKeysOfTheServer(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "--idempotency-mode", "server", "--idempotency-life", "2s")
	o.mustRefuse(t, "order-17", "key-unknown")
	used, _ := o.fetched(t)
	unused, expires := o.fetched(t)
	const payload = `{"simulate":{"reply":"ok","status":"completed","reply_after":"1s"}}`
	v, err := o.app(used).submit(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(expires))
	o.mustRefuse(t, unused, "key-expired")
	again, err := o.app(used).submit(t.Context(), payload)
	if err != nil || again.ID != v.ID {
		t.Errorf("a repeat of what was begun in time: %+v, %v", again, err)
	}
}

func TestRepeatsInFlightAreRefusedAndKeysForgottenAsConfigured(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "--idempotency-mode", "client", "--idempotency-concurrent", "conflict", "--idempotency-retention", "3s")
	const payload = `{"simulate":{"reply":"ok","reply_after":"25s"}}`
	v := o.submitted(t, "k", payload)
	o.mustRefuse(t, "k", "in-flight")
	mustBecome(t, "it is settled", func() bool { return o.file(t, v.ID).Transaction.Stage == "settled" })
	if again := o.submitted(t, "k", payload); again.ID != v.ID || again.Status == "pending" {
		t.Errorf("repeated within the retention: %+v", again)
	}
	mustBecome(t, "the key is free", func() bool { return o.submitted(t, "k", payload).ID != v.ID })
	o.mustTx(t, []string{v.ID}, "show", v.ID)
}

// signingPartner is a partner that decides by webhook alone. It tells where it was asked to send them.
func signingPartner(t *testing.T) (address string, hooks chan string) {
	hooks = make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var order struct{ WebhookURL string }
		if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&order) == nil {
			hooks <- order.WebhookURL
		}
		w.WriteHeader(http.StatusGatewayTimeout)
	}))
	t.Cleanup(server.Close)
	return server.URL, hooks
}

func TestAPartnerThatSignsIsBelievedOnlySigned(t *testing.T) {
	t.Parallel()
	partner, hooks := signingPartner(t)
	w := &world{t: t, dir: t.TempDir(), address: freeAddress(t)}
	o := &office{world: w, admin: freeAddress(t)}
	cmd := exec.Command(binary, o.serve(partner)...)
	cmd.Env = append(os.Environ(), "VERDICT_PROVIDERS_DJAMO_WEBHOOK_SCHEME=github", "VERDICT_PROVIDERS_DJAMO_WEBHOOK_SECRETS=new, old")
	o.gateway = spawn(t, cmd, "msg=ready")
	o.gateway.await(t)
	id := o.submitted(t, "k", `{}`).ID
	hook := <-hooks
	body := `{"id":"` + id + `","status":"completed"}`
	call := func(signature string) int {
		r, err := http.NewRequest(http.MethodPost, hook, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Hub-Signature-256", signature)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if code := call("sha256=00"); code != http.StatusUnauthorized {
		t.Errorf("a wrong signature: %d", code)
	}
	mac := hmac.New(sha256.New, []byte("old"))
	mac.Write([]byte(body))
	if code := call("sha256=" + hex.EncodeToString(mac.Sum(nil))); code != http.StatusOK {
		t.Errorf("a right one: %d", code)
	}
	mustBecome(t, "it is settled", func() bool { return o.file(t, id).Transaction.Status == "succeeded" })
}

func TestOperatorsAndSignaturesAreConfiguredWithCare(t *testing.T) {
	t.Parallel()
	taken := freeAddress(t)
	listener, err := net.Listen("tcp", taken)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for name, test := range map[string]struct {
		env, says []string
	}{
		"all addresses":       {[]string{"ADMIN_ADDRESS=0.0.0.0:5001"}, []string{"admin.address", "127.0.0.1:5001"}},
		"no host":             {[]string{"ADMIN_ADDRESS=:5001"}, []string{"admin.address", "127.0.0.1:5001"}},
		"a name":              {[]string{"ADMIN_ADDRESS=admin.example:5001"}, []string{"admin.address", "loopback"}},
		"no port":             {[]string{"ADMIN_ADDRESS=127.0.0.1"}, []string{"admin.address", "127.0.0.1:5001"}},
		"one that is taken":   {[]string{"ADMIN_ADDRESS=" + taken}, []string{"admin.address", "choose another"}},
		"no such scheme":      {[]string{"PROVIDERS_DJAMO_WEBHOOK_SCHEME=rot13", "PROVIDERS_DJAMO_WEBHOOK_SECRETS=x"}, []string{"providers.djamo.webhook_scheme", "github"}},
		"no secret":           {[]string{"PROVIDERS_DJAMO_WEBHOOK_SCHEME=github"}, []string{"providers.djamo.webhook_secrets", "give one"}},
		"no scheme":           {[]string{"PROVIDERS_DJAMO_WEBHOOK_SECRETS=hunter2"}, []string{"providers.djamo.webhook_scheme", "github"}},
		"another's secret":    {[]string{"PROVIDERS_DJAMO_WEBHOOK_SCHEME=standard", "PROVIDERS_DJAMO_WEBHOOK_SECRETS=hunter2"}, []string{"providers.djamo.webhook_secrets"}},
		"an empty one of two": {[]string{"PROVIDERS_DJAMO_WEBHOOK_SCHEME=github", "PROVIDERS_DJAMO_WEBHOOK_SECRETS=hunter2,"}, []string{"providers.djamo.webhook_secrets"}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, binary, "serve", "--database", "memory:", "--stream-dir", t.TempDir(), "--address", "127.0.0.1:0")
			cmd.Env = os.Environ()
			for _, variable := range test.env {
				cmd.Env = append(cmd.Env, "VERDICT_"+variable)
			}
			out, err := cmd.CombinedOutput()
			if err == nil || bytes.Contains(out, []byte("hunter2")) {
				t.Fatalf("%v: %s", err, out)
			}
			for _, word := range test.says {
				if !bytes.Contains(out, []byte(word)) {
					t.Errorf("%q is missing in: %s", word, out)
				}
			}
		})
	}
}

func TestConfigMasksListsOfSecrets(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "verdict.yaml")
	text := `
origins: ["https://shop.example"]
providers: {djamo: {url: "http://partner.example", webhook_scheme: github, webhook_secrets: [hunter2, hunter3]}}
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(binary, "config", "--config", path).CombinedOutput()
	if err != nil || bytes.Contains(out, []byte("hunter")) {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"webhook_secrets: '***'", "webhook_scheme: github", "https://shop.example"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}
