package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// completed is what the binary tells a shell about the last of some arguments: what to offer, and how its files count.
func completed(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, append([]string{"__complete"}, args...)...).Output()
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return string(out)
}

func TestShellsAreToldWhatFits(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "verdict.yaml")
	text := "provider: acme\nproviders:\n  acme: {url: half a configuration}\n  momo: {}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o := newOffice(t)
	const nothing, anyFile, filesEnding, folders = ":4\n", ":0\n", ":8\n", ":16\n"
	const reason = "--reason\thow you know (required)\n" // a flag without which the command fails is offered first
	for _, c := range []struct{ args, want string }{
		{"provider test ", "djamo\n" + nothing},
		{"provider test --config " + config + " ", "acme\nmomo\n" + nothing},
		{"provider show --config " + config + " ", "acme\nmomo\n" + nothing},
		{"provider test djamo ", nothing},
		{"plan --admin " + o.admin + " ", "djamo\n" + nothing},
		{"notify drop --admin " + o.admin + " ", nothing},
		{"ready ", nothing},
		{"tx show ", nothing},
		{"tx resolve 01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d ", reason + "succeeded\nfailed\n" + nothing},
		{"tx resolve ", reason + nothing},
		{"serve --config ", "yaml\nyml\n" + filesEnding},
		{"serve --tls-cert ", "pem\ncrt\n" + filesEnding},
		{"serve --stream-dir ", folders},
		{"serve --address ", nothing},
		{"plan --svg ", "svg\n" + filesEnding},
		{"backup ", anyFile},
		{"restore ", anyFile},
	} {
		if got := completed(t, strings.Split(c.args, " ")...); got != c.want {
			t.Errorf("verdict %s: %q, want %q", c.args, got, c.want)
		}
	}
}

func TestScriptsForShellsAskTheBinary(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := exec.Command(binary, "completion", shell).Output()
		if err != nil || !strings.Contains(string(script), "__complete") {
			t.Errorf("completion %s: %v\n%s", shell, err, script)
		}
	}
}
