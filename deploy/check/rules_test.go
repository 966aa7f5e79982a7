package check

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const rulesFile, rulesTestFile = "../prometheus/verdict.rules.yaml", "../prometheus/verdict.rules_test.yaml"

// alert is one rule for Prometheus.
type alert struct {
	Alert       string
	Expr        string
	Labels      struct{ Severity string }
	Annotations struct{ Summary, Runbook string }
}

// alerts are those in deploy/prometheus, by name.
func alerts(t *testing.T) map[string]alert {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	if err := yaml.Unmarshal([]byte(read(t, rulesFile)), &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]alert{}
	for _, group := range file.Groups {
		for _, a := range group.Rules {
			if _, twice := all[a.Alert]; twice {
				t.Errorf("%s is there twice", a.Alert)
			}
			all[a.Alert] = a
		}
	}
	return all
}

func needPromtool(t *testing.T) string {
	t.Helper()
	return need(t, "promtool", "/usr/bin/promtool", "apt-get install --no-install-recommends prometheus")
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheAlertsAreAsTheirOwnTestsSay(t *testing.T) {
	promtool := needPromtool(t)
	for _, args := range [][]string{{"check", "rules", rulesFile}, {"test", "rules", rulesTestFile}} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// In the rules' tests each alert rings once, at least.
func TestEachAlertIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Expressions []struct {
				Samples []struct{ Labels string } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, rulesTestFile)), &file); err != nil {
		t.Fatal(err)
	}
	rung := map[string]bool{}
	for _, test := range file.Tests {
		for _, e := range test.Expressions {
			for _, s := range e.Samples {
				if name := regexp.MustCompile(`alertname="(\w+)"`).FindStringSubmatch(s.Labels); name != nil {
					rung[name[1]] = true
				}
			}
		}
	}
	for name := range alerts(t) {
		if !rung[name] {
			t.Errorf("no test has %s ring", name)
		}
	}
}

// Whoever is woken by an alert finds what to do under its name.
func TestTheGuideSaysWhatToDoAboutEachAlert(t *testing.T) {
	guide := read(t, "../../docs/operating.md")
	told := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (Verdict\w+)$`).FindAllStringSubmatch(guide, -1) {
		told[heading[1]] = true
	}
	all := alerts(t)
	for name, a := range all {
		if !told[name] || a.Annotations.Runbook != "docs/operating.md#"+strings.ToLower(name) || a.Annotations.Summary == "" {
			t.Errorf("%s: %+v, and whether docs/operating.md has it: %t", name, a.Annotations, told[name])
		}
		if a.Labels.Severity != "page" && a.Labels.Severity != "ticket" {
			t.Errorf("%s: severity %q", name, a.Labels.Severity)
		}
	}
	if len(told) != len(all) {
		t.Errorf("docs/operating.md has %v, and the alerts are %v", slices.Sorted(maps.Keys(told)), slices.Sorted(maps.Keys(all)))
	}
}
