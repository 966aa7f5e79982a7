package peer

import (
	"path/filepath"
	"strings"
	"testing"
)

// A small peer is built, and the version told of a module that it holds.
func TestBuild(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mercure")
	version, err := Build(t.Context(), "../..", "mercure", ".", "github.com/dunglas/mercure", file)
	if err != nil || !strings.HasPrefix(version, "v") {
		t.Errorf("%q, error %v", version, err)
	}
	if _, err := Build(t.Context(), "../..", "mercure", ".", "verdict/bench/peers/mercure", file); err != nil { // its main one
		t.Error(err)
	}
	if version, err := Build(t.Context(), "../..", "mercure", ".", "example.org/other", file); err == nil {
		t.Errorf("%q of what it doesn't hold", version)
	}
}
