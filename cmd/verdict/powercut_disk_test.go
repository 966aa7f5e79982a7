//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// A disk is an ext4 file system whose power can be cut: what wasn't synced by then is gone. It lies in a file, behind a
// loop device, and is mounted at dir.
type disk struct {
	t       *testing.T
	device  string // such as /dev/loop0
	dir     string
	mounted bool
}

// newDisk makes and mounts a disk of that size. The test ends with it unmounted and detached, however it ends.
func newDisk(t *testing.T, megabytes int64) *disk {
	t.Helper()
	need(t, "mkfs.ext4", "apt-get install e2fsprogs")
	need(t, "losetup", "apt-get install mount")
	need(t, "mount", "apt-get install mount")
	if os.Geteuid() != 0 {
		lacking(t, "a disk whose power can be cut takes root: run the test as root")
	}
	folder := t.TempDir()
	d := &disk{t: t, dir: filepath.Join(folder, "disk")}
	image := filepath.Join(folder, "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, megabytes<<20); err != nil {
		t.Fatal(err)
	}
	d.must("mkfs.ext4", "-q", "-F", "-m", "0", image) // no blocks are kept for root, who would fill the disk more than full
	device, err := command("losetup", "--find", "--show", image)
	if err != nil {
		lacking(t, fmt.Sprintf("there is no loop device to be had (load the module loop, or give the container its devices): %v", err))
	}
	d.device = device
	t.Cleanup(func() { d.must("losetup", "--detach", d.device) })
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.unmount)
	if err := d.mount(); err != nil {
		lacking(t, fmt.Sprintf("mounting isn't allowed here, even to root (it takes CAP_SYS_ADMIN): %v", err))
	}
	return d
}

// cut takes the power away: from now on every write and sync fails, and nothing in memory reaches the disk any more, the
// file system's own journal included (EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH, fs/ext4/ext4.h of Linux).
func (d *disk) cut() {
	d.t.Helper()
	const shutdown = 0x8004587d // _IOR('X', 125, __u32)
	flags := uint32(2)
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&flags))); err != 0 {
		d.t.Fatalf("cut the power: %v", err)
	}
}

// restore brings the disk back as it is found after a power cut. Whoever used it must have ended.
func (d *disk) restore() {
	d.t.Helper()
	d.unmount()
	if err := d.mount(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *disk) mount() error {
	_, err := command("mount", "-t", "ext4", d.device, d.dir)
	d.mounted = err == nil
	return err
}

// unmount tries for a while: a child that another test is just starting holds our open files until it executes.
func (d *disk) unmount() {
	d.t.Helper()
	if !d.mounted {
		return
	}
	d.mounted = false
	var err error
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err = command("umount", d.dir); err == nil {
			return
		}
	}
	d.t.Errorf("somebody still uses the disk; it is unmounted lazily: %v", err)
	d.must("umount", "--lazy", d.dir)
}

func (d *disk) must(name string, args ...string) {
	d.t.Helper()
	if _, err := command(name, args...); err != nil {
		d.t.Fatal(err)
	}
}

// command runs a program and returns what it prints.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, text)
	}
	return text, nil
}
