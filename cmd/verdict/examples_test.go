package main

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	yamlBlock = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")
	example   = regexp.MustCompile("(?m)^```sh\\b")
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

// runElsewhere are pages whose examples another test runs: TestTheQuickstart, and persistence/transfer.
var runElsewhere = []string{"docs/quickstart.md", "docs/moving.md"}

// TestExamplesInTheDocs runs every example of a command that stands in the README or in docs, against the binary. What can't be
// run here, such as Docker, is in blocks of kind shell.
func TestExamplesInTheDocs(t *testing.T) {
	t.Parallel()
	need(t, "curl", "apt-get install curl")
	readers := map[string]func(*testing.T) *reader{
		"README.md": readerOfREADME, "docs/notify.md": readerOfNotify, "docs/operating.md": readerOfOperating, "docs/partners.md": readerOfPartners,
		"docs/push.md": readerOfPush, "docs/submitting.md": readerOfSubmitting,
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(pages, "../../README.md") {
		page := strings.TrimPrefix(path, "../../")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		examples := len(example.FindAll(text, -1))
		if examples == 0 || slices.Contains(runElsewhere, page) {
			continue
		}
		if readers[page] == nil {
			t.Errorf("nobody runs the %d examples of %s", examples, page)
			continue
		}
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			if done := readers[page](t).read(t, page); done["sh"] < examples {
				t.Errorf("%d were run of %d", done["sh"], examples)
			}
		})
	}
}

// reader reads a page at an office, whose settings commands find in the environment.
func (o *office) reader(words ...string) *reader {
	o.t.Helper()
	r := newReader(o.t, o.address, o.admin, o.partner, words...)
	r.environ = []string{"VERDICT_DATABASE=sqlite:" + filepath.Join(o.dir, "verdict.db"), "VERDICT_PROVIDERS_DJAMO_URL=http://" + o.partner}
	return r
}

// sold and declined are wishes to the partner of an office, which decides within a second.
const (
	sold     = `"simulate":{"reply":"ok","reply_after":"30s","status":"completed","webhook":"none"}`
	declined = `"simulate":{"reply":"ok","reply_after":"1s","status":"declined","webhook":"none"}`
)

// readerOfREADME has two transactions for review: one is resolved, and the other asked about.
func readerOfREADME(t *testing.T) *reader {
	o := newOffice(t)
	review, another := o.undecided(t, "order-17"), o.undecided(t, "order-18")
	return o.reader(`"amount":"2500"`, `"amount":"2500",`+sold, "check $ID", "check "+another, "$ID", review, "/backup/", "./")
}

// readerOfSubmitting has a transaction that the partner declines when the page has come to it, before it is asked.
func readerOfSubmitting(t *testing.T) *reader {
	o := newOffice(t, "--schedule-mode", "backoff", "--schedule-checks", "1m")
	id := o.submitted(t, "order-18", "{"+strings.Replace(declined, "1s", "3m", 1)+"}").ID
	return o.reader("$ID", id, `"currency":"XOF"`, `"currency":"XOF",`+sold)
}

func readerOfPush(t *testing.T) *reader {
	o := newOffice(t)
	a := o.app("order-18")
	id := o.submitted(t, a.key, "{"+declined+"}").ID
	events, err := a.follow(t.Context(), id, (*app).sse)
	if err != nil {
		t.Fatal(err)
	}
	return o.reader("$ID", id, `{"id":18}`, `{"id":`+events[len(events)-1].id+`}`, "after=17", "after=0")
}

// readerOfNotify has a backend that was told of a transaction. The first thing that is printed on the page is how.
func readerOfNotify(t *testing.T) *reader {
	shop := newAppBackend(t)
	o := newTellingOffice(t, fmt.Sprintf("notify: {shop: {url: %q, secrets: [%q]}}\n", shop.URL+"/verdicts", whsec("example")))
	id := o.submitted(t, "order-18", "{"+declined+"}").ID
	told := shop.await(t, 1, time.Minute)[0]
	r := o.reader("$ID", id)
	r.printed = told.Method + " " + told.Path + " HTTP/1.1\n"
	for _, name := range slices.Sorted(maps.Keys(told.Headers)) {
		r.printed += name + ": " + told.Headers[name] + "\n"
	}
	r.printed += "\n" + told.Body + "\n"
	return r
}

// readerOfOperating has a gateway whose disk is too small, and an archive.
func readerOfOperating(t *testing.T) *reader {
	need(t, "jq", "apt-get install jq")
	archive := filepath.Join(t.TempDir(), "archive")
	o := newOffice(t, forgetting(archive)...)
	id := o.submitted(t, "order-18", "{"+sold+"}").ID
	mustBecome(t, "it is archived", func() bool { return len(readArchive(t, archive)) > 0 })
	o.gateway.terminate(t)
	o.gateway = launch(t, "msg=ready", append(o.serve("http://"+o.partner), "--admin-min-free-disk", "1EiB")...)
	r := o.reader("512 MiB", "1.0 EiB", "/var/lib/verdict", o.dir, "01936b0e-5f3a-7c1e-9d50-3f1c8a2b4e6d", id, "archive/", archive+"/",
		"/etc/bash_completion.d/", "./bash-", "${fpath[1]}", ".", "~/.config/fish/completions/", "./",
		"/backup/", "./", "$(date +%F)", "2026-01-14", "restore --config verdict.yaml", "restore --database sqlite:restored.db")
	r.write(t, "verdict.yaml", "")
	return r
}

func readerOfPartners(t *testing.T) *reader {
	partner := newAcme(t, (*httptest.Server).Start)
	r := newReader(t, freeAddress(t), freeAddress(t), "", "SECRETS_CLIENT=...", "SECRETS_CLIENT=s3cret")
	r.environ = []string{acmeVariable}
	r.write(t, "verdict.yaml", documented(t, "acme", partner.URL+"/v2"))
	return r
}
