package check

import (
	"bytes"
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"go.yaml.in/yaml/v3"
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

// imageTags are the build tags of the binary in the image.
func imageTags() (string, error) {
	text, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`go build .*-tags (\S+)`).FindSubmatch(text)
	if found == nil {
		return "", errors.New("the Dockerfile builds without tags")
	}
	return string(found[1]), nil
}

func TestReleasesAreBuiltWithTheTagsOfTheImage(t *testing.T) {
	text, err := os.ReadFile("../../.goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var release struct{ Builds []struct{ Tags []string } }
	if err := yaml.Unmarshal(text, &release); err != nil {
		t.Fatal(err)
	}
	want, err := imageTags()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(release.Builds[0].Tags, ","); got != want {
		t.Errorf("released with %s, the image with %s", got, want)
	}
}

// TestTheBinaryHasNoTemplates: they call methods by name, so the linker keeps all there are.
func TestTheBinaryHasNoTemplates(t *testing.T) {
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	symbols, err := file.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if s.Name == "text/template.(*Template).execute" {
			t.Fatal("text/template is linked in: find out by whom with `go build -ldflags=-dumpdep`")
		}
	}
}
