package check

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const dashboardFile = "../grafana/verdict.json"

// panel is what we need to know of one: where it is, and what it asks Prometheus. A row asks nothing.
type panel struct {
	Title   string
	GridPos struct{ X, Y, W, H int }
	Targets []struct{ Expr string }
}

func panels(t *testing.T) []panel {
	t.Helper()
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal([]byte(read(t, dashboardFile)), &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

// expressions are what the dashboard's panels ask Prometheus, as it is asked: without Grafana's variables.
func expressions(t *testing.T) []string {
	t.Helper()
	filled := strings.NewReplacer("$__rate_interval", "1m", "$job", "verdict", "$provider", "djamo")
	var all []string
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			all = append(all, filled.Replace(target.Expr))
		}
	}
	return all
}

func TestPrometheusUnderstandsTheDashboard(t *testing.T) {
	promtool := needPromtool(t)
	asked := expressions(t)
	if len(asked) < 40 {
		t.Fatalf("it asks for %d things", len(asked))
	}
	rules := filepath.Join(t.TempDir(), "asked.yaml") // promtool reads expressions in rules
	var text strings.Builder
	text.WriteString("groups:\n- name: asked\n  rules:\n")
	for n, e := range asked {
		fmt.Fprintf(&text, "  - {record: 'asked:%d', expr: %q}\n", n, e)
	}
	write(t, rules, text.String())
	if out, err := exec.Command(promtool, "check", "rules", rules).CombinedOutput(); err != nil {
		t.Errorf("promtool check rules: %v\n%s", err, out)
	}
}

func TestPanelsHaveNamesOfTheirOwnAndDontOverlap(t *testing.T) {
	titles, taken := map[string]bool{}, map[[2]int]string{}
	for _, p := range panels(t) {
		if titles[p.Title] {
			t.Errorf("two panels are called %q", p.Title)
		}
		titles[p.Title] = true
		at := p.GridPos
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q is where %q is, or too far right", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
