package web

import (
	"net/http"
	"slices"
	"strings"
)

// The console is the operators' page. Its files hold nothing that isn't public, so they are served without a key; what they
// show they ask the operators' API for, with the key that they were given.

// sharedFiles are those of the demo page that the console uses too.
var sharedFiles = []string{"base.css", "icon.svg", "svg.js", "time.js", "words.js"}

// consoleFile returns the name and content of the console's file at a path.
func consoleFile(path string) (name string, content []byte, ok bool) {
	name = strings.TrimPrefix(path, "/")
	if name == "" {
		name = "index.html"
	}
	folder := "console/"
	if slices.Contains(sharedFiles, name) {
		folder = "page/"
	}
	content, err := pages.ReadFile(folder + name)
	return name, content, err == nil
}

// serveConsole serves the console's file at the path of a request, and reports whether there is one. Links of other pages may
// lead to the console, but nothing of it can be part of them.
func serveConsole(w http.ResponseWriter, r *http.Request) bool {
	name, content, ok := consoleFile(r.URL.Path)
	linked := name == "index.html" && r.Header.Get("Sec-Fetch-Mode") == "navigate"
	if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead || !linked && notForeign(r) != nil {
		return false
	}
	pageHeaders(w.Header(), r.Host)
	serveFile(w, r, name, content)
	return true
}
