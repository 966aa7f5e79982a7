package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestTheSystemdUnitIsValidAndConfined has systemd-analyze read the unit: each directive must be known, and what the process may
// do must come out at no more than 1.5 of the 10 that an unconfined service has.
func TestTheSystemdUnitIsValidAndConfined(t *testing.T) {
	need(t, "systemd-analyze", "apt-get install systemd")
	const path = "../../deploy/systemd/verdict.service"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "verdict.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/verdict", binary)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=15", unit).CombinedOutput(); err != nil {
		t.Errorf("security: %v\n%s", err, out)
	}
	compose, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`(?:TimeoutStopSec=|stop_grace_period: )(\S+)`)
	here, there := given.FindSubmatch(text), given.FindSubmatch(compose)
	if here == nil || there == nil || string(here[1]) != string(there[1]) {
		t.Errorf("it has %q to stop, and in a container %q", here, there)
	}
}

// TestSystemdIsToldWhenItIsReady: the unit is Type=notify, so nothing that waits for the gateway goes on before it takes requests.
func TestSystemdIsToldWhenItIsReady(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	o := newOffice(t)
	told := func(want string) {
		t.Helper()
		_ = socket.SetReadDeadline(time.Now().Add(patience))
		state := make([]byte, 100)
		if n, err := socket.Read(state); err != nil || string(state[:n]) != want {
			t.Errorf("systemd is told %q, error %v; want %q", state[:n], err, want)
		}
	}
	told("READY=1")
	o.gateway.terminate(t)
	told("STOPPING=1")
}
