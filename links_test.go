package verdict

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLinksResolve follows every link from a page of the documentation to a file, and to a heading of a page.
func TestLinksResolve(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md", "web/client/README.md")
	followed := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links(string(text)) {
			followed++
			if err := resolve(page, link); err != nil {
				t.Errorf("%s: (%s): %v", page, link, err)
			}
		}
	}
	if followed < 150 {
		t.Errorf("only %d links were followed", followed)
	}
}

func TestALinkToNothingIsSeen(t *testing.T) {
	for link, want := range map[string]bool{
		"README.md": true, "../README.md": true, "#the-documentation": true, "push.md#limits": true, "../web/client": true,
		"nothing.md": false, "#nothing": false, "push.md#nothing": false, "../README": false,
	} {
		if err := resolve("docs/README.md", link); (err == nil) != want {
			t.Errorf("%s: %v", link, err)
		}
	}
	text := "[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n![g](h.png) [i](https://example.com/)"
	if found := fmt.Sprint(links(text)); found != "[b.md h.png]" {
		t.Errorf("found %s", found)
	}
}

// TestAReleaseHoldsThePicturesOfItsPages: what .goreleaser.yaml packs includes the pictures that the packed pages show.
func TestAReleaseHoldsThePicturesOfItsPages(t *testing.T) {
	config, err := os.ReadFile(".goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files := regexp.MustCompile(`(?m)^    files: \[(.*)\]$`).FindSubmatch(config)
	if files == nil {
		t.Fatal("no files are packed")
	}
	packed := map[string]bool{}
	for pattern := range strings.SplitSeq(string(files[1]), ", ") {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Errorf("%s: %q, %v", pattern, paths, err)
		}
		for _, path := range paths {
			packed[path] = true
		}
	}
	shown := 0
	for page := range packed {
		if filepath.Ext(page) != ".md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links(string(text)) {
			if filepath.Ext(link) != ".png" {
				continue
			}
			shown++
			if !packed[filepath.Join(filepath.Dir(page), link)] {
				t.Errorf("%s shows %s, which is not packed", page, link)
			}
		}
	}
	if shown == 0 {
		t.Error("no page shows a picture")
	}
}

var (
	fenced  = regexp.MustCompile("(?ms)^```.*?^```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`) // from a heading's name; so does GitHub
)

// links returns where a page's links lead within the repository.
func links(text string) []string {
	var all []string
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(fenced.ReplaceAllString(text, ""), ""), -1) {
		if !strings.Contains(m[1], "://") {
			all = append(all, m[1])
		}
	}
	return all
}

// resolve fails if a link of a page leads nowhere.
func resolve(page, link string) error {
	path, anchor, named := strings.Cut(link, "#")
	target := page
	if path != "" {
		target = filepath.Join(filepath.Dir(page), path)
	}
	if _, err := os.Stat(target); err != nil || !named {
		return err
	}
	text, err := os.ReadFile(target)
	if err != nil {
		return err
	}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(string(text), ""), -1) {
		if strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return nil
		}
	}
	return fmt.Errorf("%s has no such heading", target)
}
