// Package fsync makes a server's fsyncs slow, as on a slower disk.
package fsync

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed slow.c.txt
var slow string

// Slow compiles a library into a folder, and returns the environment of a server each of whose calls of fsync and fdatasync
// takes so much longer. It reaches calls through the C library: those of SQLite and of PostgreSQL, but not those of Go's own
// os package, nor a program that was linked statically.
func Slow(ctx context.Context, dir string, longer time.Duration) (env []string, err error) {
	library := filepath.Join(dir, "slow-fsync.so")
	cc := exec.CommandContext(ctx, "cc", "-shared", "-fPIC", "-O2", "-o", library, "-xc", "-")
	cc.Stdin = strings.NewReader(slow)
	if out, err := cc.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the library that delays fsync: %w\n%s", err, out)
	}
	return []string{"LD_PRELOAD=" + library, fmt.Sprint("BENCH_FSYNC_NS=", longer.Nanoseconds())}, nil
}
