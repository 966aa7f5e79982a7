package verdict

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImports holds the import rule: any package may import the root; a parent may import its own children; partners may
// import provider/wire, and stores what is sharedByStores; cmd may import anything; the root imports the standard library only.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		importer, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		for _, imported := range strings.Fields(imports) {
			if !mayImport(importer, imported) {
				t.Errorf("%s must not import %s", importer, imported)
			}
		}
	}
}

var sharedByStores = []string{"verdict/persistence/relational", "verdict/persistence/transfer", "verdict/persistence/folder"}

func mayImport(importer, imported string) bool {
	switch {
	case strings.HasPrefix(importer, "verdict/cmd/"):
		return true
	case importer == "verdict":
		return !strings.Contains(imported, ".") && !strings.HasPrefix(imported, "verdict/")
	case strings.HasPrefix(importer, "verdict/provider/") && imported == "verdict/provider/wire":
		return true
	case strings.HasPrefix(importer, "verdict/persistence/") && slices.Contains(sharedByStores, imported):
		return true
	case !strings.HasPrefix(imported, "verdict/"):
		return true // the root, the standard library, or a dependency
	}
	return strings.HasPrefix(imported, importer+"/")
}

func TestTheImportRuleForbids(t *testing.T) {
	for _, pair := range [][2]string{
		{"verdict", "github.com/google/uuid"},
		{"verdict", "verdict/hub"},
		{"verdict/web", "verdict/hub"},
		{"verdict/hub/stream", "verdict/hub"},
		{"verdict/provider/djamo", "verdict/provider/sim"},
		{"verdict/persistence/sqlite", "verdict/persistence/postgres"},
		{"verdict/web", "verdict/persistence/relational"},
		{"verdict/web", "verdict/persistence/transfer"},
	} {
		if mayImport(pair[0], pair[1]) {
			t.Errorf("%s may import %s", pair[0], pair[1])
		}
	}
}
