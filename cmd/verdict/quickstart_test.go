package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestTheQuickstart(t *testing.T) {
	t.Parallel()
	need(t, "curl", "apt-get install curl")
	need(t, "python3", "apt-get install python3")
	page := freeAddress(t)
	r := newReader(t, freeAddress(t), freeAddress(t), freeAddress(t),
		"127.0.0.1:8000", page, "127.0.0.1 8000", strings.Replace(page, ":", " ", 1))
	if done := r.read(t, "docs/quickstart.md"); done["sh"] < 8 || done["text"] < 5 {
		t.Errorf("the page has %v: too little was read", done)
	}
	t.Run("the page in Chromium", func(t *testing.T) { pay(t, "http://"+page+"/page.html") })
}

// pay opens the page, which the last part of the quickstart serves, and pays.
func pay(t *testing.T, page string) {
	need(t, "chromium", "apt-get install chromium")
	need(t, "node", "apt-get install nodejs npm")
	if _, err := os.Stat("../../web/browsertest/node_modules"); err != nil {
		lacking(t, "web/browsertest/node_modules is missing: run npm ci in web/browsertest")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "quickstart.mjs", page)
	node.Dir = "../../web/browsertest"
	if out, err := node.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
