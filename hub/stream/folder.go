package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse: two servers on one store would destroy it.
var ErrInUse = errors.New("stream.dir: another process uses this folder; give each process its own")

// folder is a directory that this process has taken for itself, by a lock on a file in it (flock(2)). The kernel ends
// the lock with the process, however that ends.
type folder struct {
	path string
	lock *os.File
}

// takeFolder makes the folder if it is missing and locks it. It returns ErrInUse if somebody else has the lock.
func takeFolder(path string) (*folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("stream.dir: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("stream.dir: %w", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return &folder{path: path, lock: lock}, nil
	}
	_ = lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: %s", ErrInUse, path)
	}
	return nil, fmt.Errorf("stream.dir: lock %s: %w", path, err)
}

// check reports whether the folder is still the one that was locked. If it was deleted, somebody else could take the
// next one of that name.
func (f *folder) check() error {
	ours, err := f.lock.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(f.lock.Name())
	if err != nil {
		return err
	}
	if !os.SameFile(ours, there) {
		return fmt.Errorf("%s was replaced", f.lock.Name())
	}
	return nil
}

// leave gives the folder back. The file stays: to delete it would let two processes lock two files of that name.
func (f *folder) leave() {
	_ = f.lock.Close() // closing unlocks, whatever it returns
}
