package main

import (
	"bytes"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

func TestBadInputGetsAProblemThatSaysTheMend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	server := "http://" + w.address
	tests := []struct {
		name, method, path, key, body string
		status                        int
		says                          string
	}{
		{"no id", "POST", "/transaction", "", `{}`, 400, "id"},
		{"an id of 300 characters", "POST", "/transaction", "", `{"id":"` + strings.Repeat("x", 300) + `"}`, 400, "255"},
		{"broken JSON", "POST", "/transaction", "", `{"id":`, 400, "JSON"},
		{"duplicate members", "POST", "/transaction", "", `{"id":"a","id":"b"}`, 400, "twice"},
		{"a body of 10 MB", "POST", "/transaction", "", `{"id":"a","x":"` + strings.Repeat("x", 10<<20) + `"}`, 413, "64 KiB"},
		{"no key", "POST", "/v1/transactions", "", `{"payload":{}}`, 400, "Idempotency-Key"},
		{"an unknown member", "POST", "/v1/transactions", "k", `{"payload":{},"Provider":"djamo"}`, 400, "Provider"},
		{"an unknown partner", "POST", "/v1/transactions", "k", `{"payload":{},"provider":"nobody"}`, 400, "nobody"},
		{"a webhook with a wrong token", "POST", "/webhooks/djamo/wrong", "", `{"id":"a","status":"completed"}`, 404, ""},
		{"an unknown transaction", "GET", "/v1/transactions/0", "", "", 404, ""},
		{"a wrong method", "DELETE", "/transaction", "", "", 405, ""},
		{"an unknown path", "GET", "/nothing", "", "", 404, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequest(test.method, server+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if test.key != "" {
				r.Header.Set("Idempotency-Key", test.key)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var problem *problemError
			if err := readProblem(answer); !errors.As(err, &problem) {
				t.Fatal(err)
			}
			if problem.Status != test.status || !strings.Contains(problem.Error(), test.says) {
				t.Errorf("%v, want %d and %q in it", problem, test.status, test.says)
			}
		})
	}
	for _, key := range []string{"a", "b", "k"} {
		answer, err := http.Get(server + "/v1/transactions?key=" + key)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("a refused request with key %q is on record: %s", key, answer.Status)
		}
	}
}

func TestABadConfigurationIsRefusedWithTheMend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		env  string
		says []string
	}{
		{"an unknown partner", []string{"--provider", "nobody"}, "", []string{"provider", "nobody", "djamo"}},
		{"an unknown kind", nil, "VERDICT_PROVIDERS_X_KIND=nothing", []string{"providers.x", "nothing", "djamo"}},
		{"an unknown key", nil, "VERDICT_PROVIDERS_DJAMO_COLOUR=red", []string{"providers.djamo", "colour"}},
		{"a mistyped variable", nil, "VERDICT_ADRESS=:1", []string{"VERDICT_ADRESS"}},
		{"an address without a port", []string{"--address", "localhost"}, "", []string{"address", "127.0.0.1:5000"}},
		{"an address for all without a URL", []string{"--address", "0.0.0.0:0"}, "", []string{"public_url", "https://"}},
		{"an unknown database", []string{"--database", "oracle:x"}, "", []string{"database", "sqlite:"}},
		{"a schedule without checks", []string{"--schedule-checks", ""}, "", []string{"schedule.checks", "1m"}},
		{"a pause that is none", []string{"--schedule-checks", "1m,0s"}, "", []string{"schedule.checks", "above zero"}},
		{"probes without a port", []string{"--admin-probes", "0.0.0.0"}, "", []string{"admin.probes", "0.0.0.0:5002"}},
		{"room without a unit", []string{"--admin-min-free-disk", "plenty"}, "", []string{"admin.min_free_disk", "512MiB"}},
		{"a language we don't speak", []string{"--language", "de"}, "", []string{"language", "fr"}},
		{"a log level that is none", []string{"--log-level", "loud"}, "", []string{"log.level", "warn"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.Command(binary, append([]string{"serve"}, test.args...)...)
			cmd.Dir = t.TempDir()
			cmd.Env = append(cmd.Environ(), "VERDICT_ADDRESS=127.0.0.1:0")
			if test.env != "" {
				cmd.Env = append(cmd.Env, test.env)
			}
			var out bytes.Buffer
			cmd.Stderr = &out
			if err := cmd.Run(); err == nil {
				t.Fatal("it started")
			}
			for _, word := range test.says {
				if !strings.Contains(out.String(), word) {
					t.Errorf("%q is missing in: %s", word, out.String())
				}
			}
		})
	}
}

func TestAMistypedSubcommandIsAnError(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(binary, "tx", "lists").CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("lists")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestConfigPrintsNoSecrets(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(binary, "config", "--stream-url", "nats://user:hunter2@127.0.0.1:4222")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if bytes.Contains(out, []byte("hunter2")) || !bytes.Contains(out, []byte("nats://***@127.0.0.1:4222")) {
		t.Errorf("printed:\n%s", out)
	}
}
