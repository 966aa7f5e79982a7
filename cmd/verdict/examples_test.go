package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	topKey    = regexp.MustCompile(`(?m)^([a-z_]+):`)
)

// blanks are what a reader is to fill in.
var blanks = strings.NewReplacer(
	`"whsec_..."`, `"`+whsec("example")+`"`, `"sha256:..."`, `"sha256:`+strings.Repeat("ab", 32)+`"`,
)

// TestConfigurationsInTheDocsAreTaken reads every configuration of ours that stands in the README or in docs. Other YAML there is
// for other programs, or goes on with an example.
func TestConfigurationsInTheDocsAreTaken(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			if !ofOurs(block[1]) {
				continue
			}
			taken++
			if _, err := readConfig(t, blanks.Replace(block[1])); err != nil {
				t.Errorf("%s: %v\n%s", page, err, block[1])
			}
		}
	}
	if taken < 8 {
		t.Errorf("%d configurations were found", taken)
	}
}

// ofOurs reports whether a text's keys are sections of our configuration.
func ofOurs(text string) bool {
	keys := topKey.FindAllStringSubmatch(text, -1)
	for _, key := range keys {
		known := key[1] == "providers" || key[1] == "notify" || slices.ContainsFunc(settings, func(s setting) bool {
			return s.key == key[1] || strings.HasPrefix(s.key, key[1]+".")
		})
		if !known {
			return false
		}
	}
	return len(keys) > 0
}
