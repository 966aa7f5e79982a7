package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// createFile makes an empty file at path unless there is one. The names it makes survive a power cut: SQLite syncs what is
// in the file, and nobody else would sync the folders.
func createFile(path string) error {
	if err := createFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w; give a path in a folder that this user may write to", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w; give a path in a folder that this user may write to", err)
	}
	return errors.Join(f.Close(), syncFolder(filepath.Dir(path)))
}

func createFolder(path string) error {
	parent := filepath.Dir(path)
	if isFolder(path) || parent == path {
		return nil
	}
	if err := createFolder(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !isFolder(path) { // another process may have just made it
		return err
	}
	return syncFolder(parent)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
