package check

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// compiled lists the files that the gateway is built from, by their paths from the top of the repository.
func compiled(t *testing.T) map[string]bool {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.Command("go", "list", "-deps", "-f",
		`{{if and .Module .Module.Main}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}`,
		"./cmd/verdict")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v %s", err, stderr(err))
	}
	files := map[string]bool{"go.mod": true, "go.sum": true}
	for line := range strings.SplitSeq(string(out), "\n") {
		if path, of := strings.CutPrefix(line, root+"/"); of {
			files[path] = true
		}
	}
	return files
}

// TestTheImageIsBuiltFromWhatIsCompiled: all of it, and but for the code of other packages nothing else.
func TestTheImageIsBuiltFromWhatIsCompiled(t *testing.T) {
	text, err := os.ReadFile("../../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	needed := compiled(t)
	err = fs.WalkDir(os.DirFS("../.."), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		left, err := ignored.MatchesOrParentMatches(path)
		switch code := strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"); {
		case needed[path] && left:
			t.Errorf("%s is needed, and left out", path)
		case !needed[path] && !left && !code:
			t.Errorf("%s is not needed, and an edit of it compiles all anew", path)
		}
		delete(needed, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range needed {
		t.Errorf("%s is needed, and not there", path)
	}
}
