package check

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// classic is the form of ours, which has a schemaVersion.
//
//lint:ignore SA1019 the form that is preferred now is another
type classic = dashboard.Dashboard

// readDashboard reads a dashboard by Grafana's own schema: a member that isn't in it, that lacks, or that is of another type is
// an error. What a word may be, such as the place of a legend, isn't looked at.
func readDashboard(text string) (d classic, err error) {
	known := cog.NewRuntime() // there is one
	known.RegisterPanelcfgVariant(stat.VariantConfig())
	known.RegisterPanelcfgVariant(timeseries.VariantConfig())
	known.RegisterDataqueryVariant(prometheus.VariantConfig())
	var strict classic
	if err := strict.UnmarshalJSONStrict([]byte(text)); err != nil && err.Error() != "" { // where all is well the error has no words,
		return d, err
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil { // and what was read strictly has no panels
		return d, err
	}
	return d, d.Validate()
}

func TestTheDashboardIsOneByGrafanasSchema(t *testing.T) {
	text := read(t, dashboardFile)
	d, err := readDashboard(text)
	if err != nil {
		t.Fatal(err)
	}
	asking := 0
	for _, p := range d.Panels {
		if p.RowPanel != nil {
			continue
		}
		if _, known := cog.ConfigForPanelcfgVariant(p.Panel.Type); !known {
			t.Errorf("%s: a panel of type %s isn't held to the schema", *p.Panel.Title, p.Panel.Type)
		}
		for _, query := range p.Panel.Targets {
			if _, known := query.(*prometheus.Dataquery); !known {
				t.Errorf("%s: a query is held to the schema of a %T", *p.Panel.Title, query)
			}
			asking++
		}
	}
	if asking < 40 {
		t.Errorf("%d queries were read", asking)
	}
	for is, was := range map[string]string{
		`"fillOpazity"`: `"fillOpacity"`, `"calc"`: `"calcs"`, `"legendFormatt"`: `"legendFormat"`, `"gridpos"`: `"gridPos"`, `"unit": 7`: `"unit": "s"`,
		`"schemaVersion": "39"`: `"schemaVersion": 39`,
	} {
		if _, err := readDashboard(strings.Replace(text, was, is, 1)); err == nil || !strings.Contains(text, was) {
			t.Errorf("nobody noticed %s in place of %s", is, was)
		}
	}
}
