package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"verdict/web/auth"
)

func TestReadyIsHowAGatewaySaysItIs(t *testing.T) {
	t.Parallel()
	probes := freeAddress(t)
	well := newOffice(t, "--admin-probes", probes)
	full := newOffice(t, "--admin-min-free-disk", "1EiB")
	key, port := auth.NewKey(), strings.TrimPrefix(freeAddress(t), "127.0.0.1")
	guarded := exec.Command(binary, "serve", "--address", freeAddress(t), "--admin-address", "0.0.0.0"+port,
		"--database", "memory:", "--stream-dir", t.TempDir())
	guarded.Env = append(os.Environ(), "VERDICT_AUTH_KEYS_DESK_HASH="+auth.Hash(key), "VERDICT_AUTH_KEYS_DESK_ROLE=operator")
	spawn(t, guarded, "msg=ready").await(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"all is well":       {[]string{"--admin", well.admin}, 0, "ready\nrecord: ok\ninstance: ok\n"},
		"at the probes":     {[]string{"--admin", "http://" + probes}, 0, "ready\n"},
		"the disk is full":  {[]string{"--admin", full.admin}, 1, "not ready\nrecord: ok\n"},
		"nobody is there":   {[]string{"--admin", freeAddress(t)}, 1, "--admin names the gateway's operators' listener"},
		"it asks who it is": {[]string{"--admin", "127.0.0.1" + port}, 1, "401"},
		"it is told":        {[]string{"--admin", "127.0.0.1" + port, "--token", key}, 0, "ready\n"},
	} {
		out, err := exec.Command(binary, append([]string{"ready"}, c.args...)...).CombinedOutput()
		code := 0
		if failed, ok := errors.AsType[*exec.ExitError](err); ok {
			code = failed.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		if code != c.code || !strings.Contains(string(out), c.says) || c.code == 0 && !strings.HasPrefix(string(out), c.says) {
			t.Errorf("%s: exit code %d, want %d; %q is to be in\n%s", name, code, c.code, c.says, out)
		}
	}
}
