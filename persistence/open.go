// Package persistence opens the record: the store that a URL names. Each store has a folder of its own below, and passes
// the suite in storetest.
package persistence

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"verdict"
	"verdict/persistence/memory"
	"verdict/persistence/postgres"
	"verdict/persistence/sqlite"
)

// Open opens the store that url names:
//
//	sqlite:PATH  a file, durable; created with its folder if it isn't there. PATH is relative or absolute.
//	postgres://USER:PASSWORD@HOST:PORT/DATABASE  shared by several instances; see postgres.Open.
//	memory:      for tests and trials; it forgets everything when the process ends.
func Open(ctx context.Context, url string) (verdict.Store, error) {
	scheme, path, _ := strings.Cut(url, ":")
	switch {
	case scheme == "sqlite" && path != "" && !strings.HasPrefix(path, "//"):
		return sqlite.Open(ctx, path)
	case scheme == "postgres" && strings.HasPrefix(path, "//"):
		return postgres.Open(ctx, url)
	case url == "memory:":
		return memory.New(), nil
	}
	return nil, fmt.Errorf("%s: give sqlite:PATH (such as sqlite:data/verdict.db or "+
		"sqlite:/var/lib/verdict/verdict.db), postgres://USER:PASSWORD@HOST:5432/DATABASE, or memory: for a trial", kind(url))
}

var schemeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*$`) // RFC 3986 section 3.1

// kind says of what kind a URL is that can't be opened, and no more: anything in it may be a password.
func kind(url string) string {
	scheme, _, ok := strings.Cut(url, ":")
	if !ok || !schemeName.MatchString(scheme) {
		return "the database isn't given as a URL"
	}
	return fmt.Sprintf("a store of kind %q, or a URL of another form", scheme)
}
