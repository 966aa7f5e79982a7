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

// A reader does what a page of the documentation says, in a folder and at addresses of their own: blocks of kind sh are run, those
// that are noted as staying in a terminal of their own; a block of kind text is what was printed; one with a file's name is written.
type reader struct {
	dir     string
	environ []string          // of commands, besides ours
	ours    *strings.Replacer // what stands on the page, for what we have
	ids     map[string]string // those of the page that were printed, by what stands there
	running []*process
	printed string // by the last command
}

// blocks are a page's headings, which have no kind, and its blocks: the words after the fence, and the text.
var blocks = regexp.MustCompile("(?m)^## .*\n|^```(\\S*) ?(.*)\n((?:[^`].*\n|\n)*)```$")

// readyWords are what a command that stays prints once it can be used, or once it has printed what it is run for.
var readyWords = map[string]string{
	"verdict demo": "Ctrl-C", "verdict thirdparty": "third party ready", "verdict serve": "msg=ready", "python3": "Serving HTTP",
	"curl -sN": `"stage":"settled"`,
}

// newReader makes a reader who finds the gateway, its operators' listener and the partner at these addresses. The last words
// are pairs: what stands on the page, and what is to stand there.
func newReader(t *testing.T, gateway, operators, partner string, words ...string) *reader {
	t.Helper()
	r := &reader{dir: t.TempDir(), ids: map[string]string{}}
	r.ours = strings.NewReplacer(append(words, "127.0.0.1:5000", gateway, "localhost:5000", gateway, "127.0.0.1:5001", operators,
		"127.0.0.1:5010", partner)...)
	wrapper := fmt.Sprintf(`#!/bin/sh
case $1 in
demo) set -- "$@" --address %[1]s --admin %[2]s --thirdparty %[3]s ;;
thirdparty) set -- "$@" --address %[3]s ;;
serve) set -- "$@" --address %[1]s --admin-address %[2]s ;;
submit) set -- "$@" --server http://%[1]s ;;
tx | plan | notify | ready) set -- "$@" --admin %[2]s ;;
esac
exec %[4]s "$@"
`, gateway, operators, partner, binary)
	r.write(t, "verdict", wrapper)
	return r
}

func (r *reader) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// read does what a page says, and counts its blocks by kind.
func (r *reader) read(t *testing.T, page string) map[string]int {
	t.Helper()
	text, err := os.ReadFile("../../" + page)
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]int{}
	for _, block := range blocks.FindAllStringSubmatch(string(text), -1) {
		r.do(t, block[1], block[2], block[3])
		done[block[1]]++
	}
	return done
}

func (r *reader) do(t *testing.T, kind, note, text string) {
	t.Helper()
	text = r.ours.Replace(text)
	if kind == "sh" {
		for theirs, ours := range r.ids {
			text = strings.ReplaceAll(text, theirs, ours)
		}
	}
	switch {
	case kind == "":
		r.stop(t)
	case kind == "sh" && note == "stays":
		r.stay(t, strings.TrimSpace(text))
	case kind == "sh":
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c, complaints := r.command(ctx, text), &bytes.Buffer{}
		c.Stderr = complaints
		out, err := c.Output()
		if err != nil {
			t.Errorf("%s\n%v\n%s%s", text, err, out, complaints)
		}
		r.printed = strings.ReplaceAll(string(out), "\r", "")
	case kind == "text":
		r.compare(t, text)
	case note != "":
		r.write(t, note, text)
	}
}

func (r *reader) command(ctx context.Context, text string) *exec.Cmd {
	c := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", text)
	c.Dir = r.dir
	c.Env = append(append(os.Environ(), r.environ...), "PATH="+r.dir+":"+os.Getenv("PATH"))
	return c
}

// stay runs what stays until the next heading. Who listens has heard enough once it is ready.
func (r *reader) stay(t *testing.T, line string) {
	t.Helper()
	for command, ready := range readyWords {
		if strings.HasPrefix(line, command) {
			p := spawn(t, r.command(context.Background(), "exec "+line), ready)
			p.await(t)
			if command == "curl -sN" {
				p.kill()
				r.printed = p.log.String()
				return
			}
			r.running = append(r.running, p)
			return
		}
	}
	t.Fatalf("%s: when is it ready?", line)
}

func (r *reader) stop(t *testing.T) {
	t.Helper()
	for _, p := range r.running {
		p.terminate(t)
	}
	r.running = nil
}

var (
	printedID = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

	// differing is what is never the same twice, besides ids: times, numbers of events, pauses and signatures.
	differing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|((?:id|after)"?: ?|retry: |Retry-After: |Timestamp: )\d+|v1,\S+`)
)

// compare looks for each line in what was printed, in this order. An ellipsis stands for anything.
func (r *reader) compare(t *testing.T, text string) {
	t.Helper()
	rest := differing.ReplaceAllString(r.printed, "${1}_")
	for line := range strings.Lines(differing.ReplaceAllString(text, "${1}_")) {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), `\.\.\.`, ".*")
		pattern = printedID.ReplaceAllString(pattern, "("+printedID.String()+")")
		at := regexp.MustCompile("(?m)^" + pattern + "$").FindStringSubmatchIndex(rest)
		if at == nil {
			t.Errorf("%q is not in\n%s", line, r.printed)
			return
		}
		for i, theirs := range printedID.FindAllString(line, -1) {
			r.ids[theirs] = rest[at[2+2*i]:at[3+2*i]]
		}
		rest = rest[at[1]:]
	}
}
