// Vulndb makes the database that govulncheck reads (https://go.dev/doc/security/vuln/database) of a folder with its entries, as
// the module golang.org/x/vulndb has one in data/osv: for machines that reach the module proxy and not vuln.go.dev.
//
//	go run ./.ci/vulndb FOLDER DATABASE
package main

import (
	"cmp"
	"encoding/json"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// entry is what the index holds of one in OSV format.
type entry struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Aliases  []string  `json:"aliases"`
	Affected []struct {
		Package struct{ Name string }
		Ranges  []struct{ Events []struct{ Fixed string } }
	} `json:"affected"`
}

type vulnerability struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Aliases  []string  `json:"aliases,omitempty"` // in the index of all
	Fixed    string    `json:"fixed,omitempty"`   // in that of modules: the last version that mends it
}

type module struct {
	Path  string          `json:"path"`
	Vulns []vulnerability `json:"vulns"`
}

func main() {
	if len(os.Args) != 3 {
		log.Fatal("give a folder of OSV entries, and one for the database")
	}
	from, to := os.Args[1], os.Args[2]
	files, err := filepath.Glob(filepath.Join(from, "GO-*.json"))
	if err != nil || len(files) == 0 {
		log.Fatalf("no entries in %s: %v", from, err)
	}
	var newest time.Time
	var all []vulnerability
	modules := map[string]*module{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(err)
		var e entry
		must(json.Unmarshal(text, &e))
		write(to, "ID/"+e.ID, text)
		if e.Modified.After(newest) {
			newest = e.Modified
		}
		all = append(all, vulnerability{ID: e.ID, Modified: e.Modified, Aliases: e.Aliases})
		for path, fixed := range e.fixes() {
			m := modules[path]
			if m == nil {
				m = &module{Path: path}
				modules[path] = m
			}
			m.Vulns = append(m.Vulns, vulnerability{ID: e.ID, Modified: e.Modified, Fixed: fixed})
		}
	}
	index := slices.SortedFunc(maps.Values(modules), func(a, b *module) int { return cmp.Compare(a.Path, b.Path) })
	write(to, "index/db", encode(map[string]time.Time{"modified": newest}))
	write(to, "index/vulns", encode(all))
	write(to, "index/modules", encode(index))
	log.Printf("%d entries", len(all))
}

// fixes are the modules of an entry, each with the version that mends the last of its ranges; empty: there is none.
func (e entry) fixes() map[string]string {
	fixes := map[string]string{}
	for _, a := range e.Affected {
		fixes[a.Package.Name] = ""
		for _, r := range a.Ranges {
			for _, event := range r.Events {
				fixes[a.Package.Name] = cmp.Or(event.Fixed, fixes[a.Package.Name])
			}
		}
	}
	return fixes
}

func write(folder, name string, text []byte) {
	path := filepath.Join(folder, name+".json")
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	must(os.WriteFile(path, text, 0o644))
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	must(err)
	return text
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
