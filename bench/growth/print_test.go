package growth

import (
	"strings"
	"testing"
	"time"

	"verdict/bench/path"
)

func row(name string, p99s ...time.Duration) *path.Row {
	r := &path.Row{Name: name}
	for _, p99 := range p99s {
		p := &path.Point{Rate: 1000}
		p.Submit.P99, p.Push.P99 = p99, 3*p99
		r.Rounds = append(r.Rounds, &path.Round{Points: []*path.Point{p}, Up: 20 * time.Second})
	}
	return r
}

// What retention costs is compared with the same record without, round by round.
func TestAReportTellsWhatRetentionCosts(t *testing.T) {
	const ms = time.Millisecond
	r := Report{Rows: 1000, Each: 700, Cold: 30 * ms, Deleted: 8000, Paths: &path.Report{
		Options: path.Options{Rounds: 2, Rates: []float64{1000}},
		Rows:    []*path.Row{row("many", 2*ms, 4*ms), row("many, retention", 3*ms, 8*ms), row("empty", 2*ms, 2*ms)},
	}}
	print := func() string {
		var out strings.Builder
		if err := r.Print(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := print()
	for _, want := range []string{
		"none of it in memory: 30.0ms", "retention deleted 8000 transactions, 200 a second; p99 at 1000/s is 1.75 (1.50-2.00) times that without to 202, 1.75",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	if r.Deleted = 0; !strings.Contains(print(), "WARNING: it deleted nothing") {
		t.Error("nothing was deleted, and there is no warning")
	}
}
