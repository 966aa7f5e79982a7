package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A quickstart is a reader of docs/quickstart.md who does what it says, in a folder and at addresses of their own.
type quickstart struct {
	dir       string
	addresses *strings.Replacer // those of the page, for ours
	page      string            // where page.html is
	running   []*process
	printed   string // by the last command
}

// readyWords are what a command that stays prints once it can be used.
var readyWords = map[string]string{
	"verdict demo": "Ctrl-C", "verdict thirdparty": "third party ready", "verdict serve": "msg=ready", "python3": "Serving HTTP",
}

func TestTheQuickstart(t *testing.T) {
	t.Parallel()
	need(t, "curl", "apt-get install curl")
	need(t, "python3", "apt-get install python3")
	text, err := os.ReadFile("../../docs/quickstart.md")
	if err != nil {
		t.Fatal(err)
	}
	q := newQuickstart(t)
	parts := regexp.MustCompile("(?m)^## .*\n|^```(\\S*) ?(.*)\n((?:[^`].*\n|\n)*)```$").FindAllStringSubmatch(string(text), -1)
	done := map[string]int{}
	for _, part := range parts {
		q.do(t, part[1], part[2], part[3])
		done[part[1]]++
	}
	if done["sh"] < 8 || done["text"] < 5 {
		t.Errorf("the page has %v: too little was read", done)
	}
	t.Run("the page in Chromium", q.pay)
}

func newQuickstart(t *testing.T) *quickstart {
	t.Helper()
	gateway, operators, partner, page := freeAddress(t), freeAddress(t), freeAddress(t), freeAddress(t)
	q := &quickstart{dir: t.TempDir(), page: "http://" + page + "/page.html"}
	q.addresses = strings.NewReplacer("127.0.0.1:5000", gateway, "127.0.0.1:5010", partner, "127.0.0.1:8000", page,
		"127.0.0.1 8000", strings.Replace(page, ":", " ", 1))
	wrapper := fmt.Sprintf(`#!/bin/sh
case $1 in
demo) set -- "$@" --address %[1]s --admin %[2]s --thirdparty %[3]s ;;
thirdparty) set -- "$@" --address %[3]s ;;
serve) set -- "$@" --address %[1]s --admin-address %[2]s ;;
submit) set -- "$@" --server http://%[1]s ;;
tx | plan) set -- "$@" --admin %[2]s ;;
esac
exec %[4]s "$@"
`, gateway, operators, partner, binary)
	if err := os.WriteFile(filepath.Join(q.dir, "verdict"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	return q
}

// do does what a block says: kind and note are the words after its fence; a heading has none.
func (q *quickstart) do(t *testing.T, kind, note, text string) {
	t.Helper()
	text = q.addresses.Replace(text)
	switch {
	case kind == "":
		q.stop(t)
	case kind == "sh" && note == "stays":
		q.stay(t, strings.TrimSpace(text))
	case kind == "sh":
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c, complaints := q.command(ctx, text), &bytes.Buffer{}
		c.Stderr = complaints
		out, err := c.Output()
		if err != nil {
			t.Errorf("%s\n%v\n%s%s", text, err, out, complaints)
		}
		q.printed = strings.ReplaceAll(string(out), "\r", "")
	case kind == "text":
		q.compare(t, text)
	case note != "":
		if err := os.WriteFile(filepath.Join(q.dir, note), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (q *quickstart) command(ctx context.Context, text string) *exec.Cmd {
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", text)
	c.Dir = q.dir
	c.Env = append(os.Environ(), "PATH="+q.dir+":"+os.Getenv("PATH"))
	return c
}

func (q *quickstart) stay(t *testing.T, line string) {
	t.Helper()
	for command, ready := range readyWords {
		if strings.HasPrefix(line, command) {
			p := spawn(t, q.command(context.Background(), "exec "+line), ready)
			p.await(t)
			q.running = append(q.running, p)
			return
		}
	}
	t.Fatalf("%s: when is it ready?", line)
}

func (q *quickstart) stop(t *testing.T) {
	t.Helper()
	for _, p := range q.running {
		p.terminate(t)
	}
	q.running = nil
}

// compare looks for each line in what was printed, in this order. An ellipsis stands for anything.
func (q *quickstart) compare(t *testing.T, text string) {
	t.Helper()
	rest := q.printed
	for line := range strings.Lines(text) {
		shown := regexp.MustCompile("(?m)^" + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), `\.\.\.`, ".*") + "$")
		at := shown.FindStringIndex(rest)
		if at == nil {
			t.Errorf("%q is not in\n%s", line, q.printed)
			return
		}
		rest = rest[at[1]:]
	}
}

// pay opens the page, which the last part of the quickstart serves, and pays.
func (q *quickstart) pay(t *testing.T) {
	need(t, "chromium", "apt-get install chromium")
	need(t, "node", "apt-get install nodejs npm")
	if _, err := os.Stat("../../web/browsertest/node_modules"); err != nil {
		lacking(t, "web/browsertest/node_modules is missing: run npm ci in web/browsertest")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node := exec.CommandContext(ctx, "node", "quickstart.mjs", q.page)
	node.Dir = "../../web/browsertest"
	if out, err := node.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
