package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowConnections is how many each of three attacks holds.
const slowConnections = "300"

// TestSlowClientsAreClosedAndOthersServedMeanwhile has slowhttptest send heads and bodies, and read answers, a few bytes at a
// time. What it doesn't read it doesn't know to be over, so the gateway is asked whether it holds a connection still.
func TestSlowClientsAreClosedAndOthersServedMeanwhile(t *testing.T) {
	need(t, "slowhttptest", "apt-get install slowhttptest")
	t.Parallel()
	dir, address, operators, partner := t.TempDir(), freeAddress(t), freeAddress(t), freeAddress(t)
	launch(t, "third party ready", "thirdparty", "--address", partner, "--speed", worldSpeed, "--ban-after", "-1")
	gateway := exec.Command(binary, "serve", "--address", address, "--admin-address", operators,
		"--database", "sqlite:"+filepath.Join(dir, "verdict.db"), "--stream-dir", filepath.Join(dir, "jetstream"))
	gateway.Env = append(os.Environ(), "VERDICT_PROVIDERS_DJAMO_URL=http://"+partner)
	spawn(t, gateway, "msg=ready").await(t)
	url := "http://" + address
	var attacks sync.WaitGroup
	for name, flags := range map[string][]string{
		"slow heads":  {"-H", "-i", "2", "-u", url + "/v1/transactions/x"},
		"slow bodies": {"-B", "-i", "2", "-s", "8192", "-t", "POST", "-u", url + "/transaction"},
		"slow reads":  {"-X", "-w", "8", "-y", "16", "-n", "5", "-z", "8", "-k", "10", "-u", url + "/openapi.json"},
	} {
		attacks.Go(func() {
			attack := exec.CommandContext(t.Context(), "slowhttptest", append(flags, "-c", slowConnections, "-r", "100", "-l", "90", "-p", "5")...)
			out, err := attack.CombinedOutput()
			report := escapes.ReplaceAllString(string(out), "")
			if err != nil || most(report) < 200 {
				t.Errorf("%s: %v, %d connections at the most, of %s\n%s", name, err, most(report), slowConnections, report)
			}
			if name != "slow reads" && !strings.Contains(report, "No open connections left") {
				t.Errorf("%s are not closed:\n%s", name, report)
			}
		})
	}
	over := make(chan struct{})
	go func() {
		attacks.Wait()
		close(over)
	}()
	served, held := 0, 0
	for attacked := true; attacked; served++ {
		a := &app{server: url, key: fmt.Sprint(served), http: &http.Client{Timeout: patience}}
		if _, err := a.post(`{"amount":1}`); err != nil {
			t.Errorf("another app, number %d: %v", served, err)
		}
		select {
		case <-over:
			attacked = false
		case <-time.After(200 * time.Millisecond):
			held = max(held, openConnections(t, operators))
		}
	}
	t.Logf("%d others were served while up to %d connections were held", served, held)
	if left := openConnections(t, operators); left > 5 || held < 500 {
		t.Errorf("%d connections are left, of %d", left, held)
	}
}

// openConnections is how many the gateway holds.
func openConnections(t *testing.T, operators string) (n int) {
	t.Helper()
	answer, err := http.Get("http://" + operators + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "verdict_http_connections %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("there is no verdict_http_connections")
	return 0
}

// escapes are the colours of slowhttptest's report.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// most is how many connections slowhttptest reports at the most.
func most(report string) (n int) {
	for line := range strings.Lines(report) {
		var here int
		if _, err := fmt.Sscanf(line, "connected: %d", &here); err == nil {
			n = max(n, here)
		}
	}
	return n
}
