package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"verdict/persistence/folder"
)

// createFile makes an empty file at path unless there is one. The names it makes survive a power cut.
func createFile(path string) error {
	if err := createFolder(filepath.Dir(path)); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return cannotWrite(err)
	}
	return errors.Join(f.Close(), folder.Sync(filepath.Dir(path)))
}

func createFolder(path string) error {
	if err := folder.Make(path); err != nil {
		return cannotWrite(err)
	}
	return nil
}

func cannotWrite(err error) error {
	return fmt.Errorf("%w; give a path in a folder that this user may write to", err)
}
