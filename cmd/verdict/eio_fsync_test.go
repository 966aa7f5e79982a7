//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fsyncs is how the gateway's disk treats SQLite's syncs. It stands between SQLite, which is C, and the C library; Go's
// own syncs go straight to the kernel and are not its business.
type fsyncs struct {
	library string
	manner  string // path of the file that says how
}

// The manners of a disk.
const (
	honest  = "honest"
	lying   = "lying"   // it says that it has synced, and hasn't
	failing = "failing" // it says EIO
)

const fsyncSource = `
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static long as_told(long call, int fd) {
	char manner = 'h';
	int file = open(getenv("VERDICT_TEST_FSYNC"), O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		if (read(file, &manner, 1) != 1) manner = 'h';
		close(file);
	}
	if (manner == 'l') return 0;
	if (manner == 'f') { errno = EIO; return -1; }
	return syscall(call, fd);
}

int fsync(int fd) { return as_told(SYS_fsync, fd); }
int fdatasync(int fd) { return as_told(SYS_fdatasync, fd); }
`

// newFsyncs compiles the library. The disk is honest until it is told otherwise.
func newFsyncs(t *testing.T) *fsyncs {
	t.Helper()
	need(t, "gcc", "apt-get install gcc libc6-dev")
	dir := t.TempDir()
	f := &fsyncs{library: filepath.Join(dir, "fsync.so"), manner: filepath.Join(dir, "manner")}
	gcc := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-x", "c", "-o", f.library, "-")
	gcc.Stdin = strings.NewReader("#define _GNU_SOURCE\n" + fsyncSource)
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	f.be(t, honest)
	return f
}

// be changes the disk's manner, for processes that run as well.
func (f *fsyncs) be(t *testing.T, manner string) {
	t.Helper()
	if err := os.WriteFile(f.manner, []byte(manner), 0o600); err != nil {
		t.Fatal(err)
	}
}

// environ puts a process on this disk.
func (f *fsyncs) environ() []string {
	return []string{"LD_PRELOAD=" + f.library, "VERDICT_TEST_FSYNC=" + f.manner}
}
