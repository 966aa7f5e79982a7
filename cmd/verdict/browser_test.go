package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestDemoPageInChromium runs the demo and drives its page in a real browser.
func TestDemoPageInChromium(t *testing.T) {
	scripts := filepath.Join("..", "..", "web", "browsertest")
	need(t, "node", "apt-get install nodejs npm")
	need(t, "chromium", "apt-get install chromium")
	if _, err := os.Stat(filepath.Join(scripts, "node_modules")); err != nil {
		lacking(t, "web/browsertest/node_modules is missing: run npm ci in web/browsertest")
	}
	address := freeAddress(t)
	launch(t, "Ctrl-C", "demo", "--address", address, "--admin", "", "--thirdparty", freeAddress(t), "--data", t.TempDir())
	node := exec.Command("node", "--test", "--test-reporter=spec")
	node.Dir = scripts
	node.Env = append(os.Environ(), "VERDICT_URL=http://"+address)
	out, err := node.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func need(t *testing.T, command, install string) {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		lacking(t, command+" is missing: "+install)
	}
}

// lacking skips a test whose tools aren't there, and says so; where everything must be there it fails.
func lacking(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("VERDICT_TEST_REQUIRE") == "1" {
		t.Fatal(why)
	}
	t.Skip("NOT TESTED: ", why)
}
