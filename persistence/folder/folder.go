// Package folder makes folders and names that survive a power cut: who syncs a file syncs what is in it, and nobody else
// would sync the folders.
package folder

import (
	"errors"
	"os"
	"path/filepath"
)

// Make makes a folder, and those above it, for this user alone where they aren't there.
func Make(path string) error {
	parent := filepath.Dir(path)
	if is(path) || parent == path {
		return nil
	}
	if err := Make(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !is(path) { // another process may have just made it
		return err
	}
	return Sync(parent)
}

func is(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Sync puts on disk which names are in a folder.
func Sync(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
