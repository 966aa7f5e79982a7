// Package persistence opens the record: the store that a URL names. Each store has a folder of its own below, and passes
// the suite in storetest.
package persistence

import (
	"context"
	"fmt"
	"strings"

	"verdict"
	"verdict/persistence/memory"
	"verdict/persistence/sqlite"
)

// Open opens the store that url names:
//
//	sqlite:PATH  a file, durable; created with its folder if it isn't there. PATH is relative or absolute.
//	memory:      for tests and trials; it forgets everything when the process ends.
func Open(ctx context.Context, url string) (verdict.Store, error) {
	scheme, path, _ := strings.Cut(url, ":")
	switch {
	case scheme == "sqlite" && path != "" && !strings.HasPrefix(path, "//"):
		return sqlite.Open(ctx, path)
	case url == "memory:":
		return memory.New(), nil
	}
	return nil, fmt.Errorf("store %q: give sqlite:PATH (such as sqlite:data/verdict.db or sqlite:/var/lib/verdict/verdict.db), or memory: for a trial", url)
}
