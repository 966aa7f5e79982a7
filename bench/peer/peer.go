// Package peer builds the programs of others that Verdict is measured beside. Each has a folder in bench/peers, a Go module of its
// own that pins its version, so that nothing it needs becomes part of the bench.
package peer

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"
)

// Folder is a peer's, in Verdict's repository at root.
func Folder(root, name string) string { return filepath.Join(root, "bench", "peers", name) }

// Build builds a package of a peer's module into a file, and tells which version of a module that holds.
func Build(ctx context.Context, root, name, pkg, module, file string) (version string, err error) {
	build := exec.CommandContext(ctx, "go", "build", "-o", file, pkg)
	build.Dir = Folder(root, name)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return "", err
	}
	for _, d := range append(info.Deps, &info.Main) { // a package of another module makes that the main one
		if d.Path == module {
			return d.Version, nil
		}
	}
	return "", fmt.Errorf("%s doesn't hold %s", name, module)
}
