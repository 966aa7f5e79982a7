// Package archive keeps what the record forgets, in a folder: one file a day, one JSON object a line.
//
// A line comes again if a crash came between the archive and the record, or if a copy of the record was restored: readers
// keep one of each kind and id, and of webhooks one of each body. A line that is no JSON is what a crash or a full disk has left of one; it comes again whole.
package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"verdict"
	"verdict/persistence/folder"
)

// Archive is a verdict.Archive in a folder.
type Archive struct{ dir string }

var _ verdict.Archive = (*Archive)(nil)

// Open returns the archive in a folder, which it makes if it isn't there.
func Open(dir string) (*Archive, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = folder.Make(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w; give a folder that this user may write to", err)
	}
	return &Archive{dir}, nil
}

// Keep implements verdict.Archive. The file's name is the day of now, in UTC.
func (a *Archive) Keep(now time.Time, over []verdict.Past, webhooks []verdict.Webhook) error {
	var lines bytes.Buffer
	to := json.NewEncoder(&lines)
	to.SetEscapeHTML(false)
	for _, p := range over {
		if err := to.Encode(newTransaction(p, now)); err != nil {
			return fmt.Errorf("archive %s: %w", p.Transaction.ID, err)
		}
	}
	for _, w := range webhooks {
		if err := to.Encode(newWebhook(w, now)); err != nil {
			return fmt.Errorf("archive a webhook of %s: %w", w.Transaction, err)
		}
	}
	if err := a.add(now.UTC().Format(time.DateOnly)+".jsonl", lines.Bytes()); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	return nil
}

// add puts lines at the end of a file, and that on disk.
func (a *Archive) add(name string, lines []byte) (err error) {
	f, err := os.OpenFile(filepath.Join(a.dir, name), os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	begins, err := atLine(f)
	if err != nil {
		return err
	}
	if !begins {
		lines = append([]byte("\n"), lines...)
	}
	if _, err := f.Write(lines); err != nil { // in one call, so that those of two instances don't mix
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return folder.Sync(a.dir)
}

// atLine reports whether the end of a file is the beginning of a line.
func atLine(f *os.File) (bool, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return true, err
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, size-1)
	return last[0] == '\n', err
}
