package measure

import (
	"os"
	"slices"
	"syscall"
	"time"
)

// fsyncs is how many are timed together; the median of so many is steady.
const fsyncs = 200

// Fsync returns the median time of an fsync after a write of 4 KiB to a file of that folder, as a database's log grows.
func Fsync(folder string) (time.Duration, error) {
	f, err := os.CreateTemp(folder, "fsync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	times := make([]time.Duration, fsyncs)
	for i := range times {
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		began := time.Now()
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times[i] = time.Since(began)
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// InMemory reports whether a folder is on a tmpfs, where an fsync does nothing (its magic number is in statfs(2)).
func InMemory(folder string) (bool, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(folder, &fs); err != nil {
		return false, err
	}
	return fs.Type == 0x01021994, nil
}
