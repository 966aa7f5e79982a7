package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"verdict/web/admin"
)

// prospect is what the command shows of a partner to machines.
func (o *office) prospect(t *testing.T) (p admin.Prospect) {
	t.Helper()
	out, err := o.run("plan", "djamo", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &p)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return p
}

// mustPlan prints the plan, which must have these words, and returns it.
func (o *office) mustPlan(t *testing.T, says ...string) string {
	t.Helper()
	out, err := o.run("plan", "djamo")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, word := range says {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), word) { // wherever a line is broken
			t.Errorf("%q is missing in\n%s", word, out)
		}
	}
	return out
}

func TestAnOperatorSeesWhenAPartnerIsAsked(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.mustPlan(t, "djamo: checks are planned. The circuit is closed; it has never refused a call.", "Budget: 60 checks in 1m.",
		"Answered without a verdict: none seen yet, so by the partner's word: most within 2m", "Asked: 1s◆", "asked, webhook lost")
	o.undecided(t, "order-17")
	mustBecome(t, "what was seen of it counts", func() bool {
		_, answer := o.get(t, "/v1/partners/djamo")
		return strings.Contains(answer, `"answered":{"sightings":1,`)
	})
	if p := o.prospect(t); p.Answered.Sightings != 1 || p.Unanswered.Sightings != 0 {
		t.Errorf("%+v", p)
	}
	o.mustPlan(t, "Answered without a verdict: 1 seen", "a minute of late", "In the last hour 1 were made.")
	if !o.metric(t, `verdict_partner_checks_last_hour{provider="djamo"} 1`) || !o.metric(t, `verdict_partner_circuit_open{provider="djamo"} 0`) {
		t.Error("the metrics don't tell")
	}
}

func TestAnOperatorSeesThatAPartnerRefuses(t *testing.T) {
	t.Parallel()
	o := newOfficeBefore(t, []string{"--ban-after", "1", "--ban-window", "200m"}) // 4 min at its speed
	for _, key := range []string{"a", "b", "c"} {
		o.submitted(t, key, `{"simulate":{"reply":"timeout","settles":false}}`)
	}
	mustBecome(t, "it is refused", func() bool { return o.metric(t, `verdict_partner_circuit_open{provider="djamo"} 1`) })
	o.mustPlan(t, "The circuit is open, no check is made before", "refusals so far: 1", "instead of 60 checks in 1m, since a refusal at")
	if !o.metric(t, `verdict_partner_refusals_total{provider="djamo"} 1`) {
		t.Error("the metrics don't tell")
	}
}

func TestAPlanSaysHowItIsChosen(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "--schedule-mode", "backoff", "--schedule-checks", "1m,5m")
	o.mustPlan(t, "djamo: checks are made at the times of schedule.checks alone.", "Asked: 1m◆ 6m◆")
	if out := o.mustPlan(t); strings.Contains(out, "Price") {
		t.Errorf("there is none:\n%s", out)
	}
}

func TestAPlanIsDrawn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	path := filepath.Join(t.TempDir(), "plan.svg")
	text, err := o.run("plan", "djamo", "--svg", path)
	if err != nil || !strings.HasPrefix(text, "djamo: ") {
		t.Errorf("%v %s", err, text)
	}
	alone, err := o.run("plan", "djamo", "--svg", "-")
	if err != nil || !strings.HasPrefix(alone, "<svg ") {
		t.Errorf("%v %s", err, alone)
	}
	file, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(file), "<svg ") || !strings.HasSuffix(string(file), "</svg>\n") {
		t.Errorf("%v %s", err, file)
	}
}

func TestThePlanOfNoPartnerIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		says string
		args []string
	}{
		{"Those configured here: djamo.", []string{"nobody"}},
		{"Those configured here: djamo.", []string{"../transactions"}},
		{"accepts 1 arg(s)", nil},
		{"[json svg] were all set", []string{"djamo", "--json", "--svg", "-"}},
		{"--svg: open /nowhere/x: no such file", []string{"djamo", "--svg", "/nowhere/x"}},
		{"--admin names the gateway's operators' listener", []string{"djamo", "--admin", freeAddress(t)}},
		{"404", []string{"djamo", "--admin", o.address}}, // where apps are served
	} {
		out, err := o.run("plan", c.args...)
		if err == nil || !strings.Contains(out, c.says) || strings.Count(out, "\n") != 1 {
			t.Errorf("plan %q: %v %s", c.args, err, out)
		}
	}
}
