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

func TestCallsAreReadFromTheTable(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 99.00    0.012345          12      1000           fdatasync
  1.00    0.000345          12        17         3 fsync
------ ----------- ----------- --------- --------- ----------------
100.00    0.012690          12      1017         3 total
`
	if got, err := parseCounts(table); got != 1017 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := parseCounts(""); got != 0 || err != nil {
		t.Errorf("of nothing %d, %v", got, err)
	}
	if _, err := parseCounts("1 2 3 many fsync\n"); err == nil {
		t.Error("what is no table is read")
	}
}
