package check

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

const dashboardFile = "../grafana/verdict.json"

// readDashboard decodes the dashboard strictly: a member that its type hasn't is an error.
func readDashboard(t *testing.T) dashboard.Dashboard {
	t.Helper()
	known := cog.NewRuntime()
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	var d dashboard.Dashboard
	if err := d.UnmarshalJSONStrict([]byte(read(t, dashboardFile))); err != nil {
		t.Fatal(err)
	}
	if err := d.Validate(); err != nil {
		t.Fatal(err)
	}
	return d
}

// expressions are what the dashboard's panels ask Prometheus, as it is asked: without Grafana's variables.
func expressions(t *testing.T) []string {
	t.Helper()
	filled := strings.NewReplacer("$__rate_interval", "1m", "$job", "verdict", "$provider", "djamo")
	var all []string
	for _, p := range readDashboard(t).Panels {
		if p.Panel == nil {
			continue // a row
		}
		for _, target := range p.Panel.Targets {
			all = append(all, filled.Replace(target.(prometheus.Dataquery).Expr))
		}
	}
	return all
}

func TestTheDashboardIsOneOfGrafanas(t *testing.T) {
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
	var titles []string
	taken := map[[2]uint32]string{}
	for _, p := range readDashboard(t).Panels {
		if p.Panel == nil {
			continue
		}
		title, at := *p.Panel.Title, p.Panel.GridPos
		if slices.Contains(titles, title) {
			t.Errorf("two panels are called %q", title)
		}
		titles = append(titles, title)
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other, ok := taken[[2]uint32{x, y}]; ok || x >= 24 {
					t.Fatalf("%q is where %q is", title, other)
				}
				taken[[2]uint32{x, y}] = title
			}
		}
	}
}
