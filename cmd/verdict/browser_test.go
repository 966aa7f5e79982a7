package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestDemoPageInChromium runs the demo and drives its page in a real browser.
func TestDemoPageInChromium(t *testing.T) {
	need(t, "chromium", "apt-get install chromium")
	runOnDemo(t, "browsertest", "demo.test.mjs", "page.test.mjs", "timeline.test.mjs", "jumps.test.mjs")
}

// TestTypeScriptClient runs the demo and has web/client live with it.
func TestTypeScriptClient(t *testing.T) {
	runOnDemo(t, "client", "live/live.mjs")
}

// runOnDemo runs tests of a folder of web against a running demo.
func runOnDemo(t *testing.T, folder string, files ...string) {
	t.Helper()
	address := freeAddress(t)
	launch(t, "Ctrl-C", "demo", "--address", address, "--admin", "", "--thirdparty", freeAddress(t), "--data", t.TempDir())
	runNode(t, folder, []string{"VERDICT_URL=http://" + address}, files...)
}

// runNode runs tests of a folder of web.
func runNode(t *testing.T, folder string, environ []string, files ...string) {
	t.Helper()
	scripts := filepath.Join("..", "..", "web", folder)
	need(t, "node", "apt-get install nodejs npm")
	if _, err := os.Stat(filepath.Join(scripts, "node_modules")); err != nil {
		lacking(t, fmt.Sprintf("web/%s/node_modules is missing: run npm ci in web/%[1]s", folder))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", append([]string{"--test", "--test-reporter=spec"}, files...)...)
	node.Dir, node.WaitDelay = scripts, time.Second
	node.Env = append(os.Environ(), environ...)
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
