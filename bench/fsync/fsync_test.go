package fsync

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// sync of the coreutils calls fsync, or fdatasync, once for a file.
func TestAnFsyncTakesLonger(t *testing.T) {
	dir := t.TempDir()
	const longer = 300 * time.Millisecond
	env, err := Slow(t.Context(), dir, longer)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{file}, {"--data", file}} {
		sync := exec.Command("sync", args...)
		sync.Env = append(os.Environ(), env...)
		began := time.Now()
		if out, err := sync.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if took := time.Since(began); took < longer {
			t.Errorf("sync %v took %s", args, took)
		}
	}
}
