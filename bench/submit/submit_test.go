package submit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"verdict/bench/stats"
)

func valid() Options {
	return Options{Rounds: 1, Connections: []int{64}, Rate: 1000, For: time.Second, Partner: Held}
}

func TestOptionsThatCannotBeAreRefused(t *testing.T) {
	if err := valid().Validate(); err != nil {
		t.Fatal(err)
	}
	for flag, change := range map[string]func(*Options){
		"--rounds": func(o *Options) { o.Rounds = 0 }, "--connections": func(o *Options) { o.Connections = []int{64, 0} },
		"--rate": func(o *Options) { o.Rate = 0 }, "--for": func(o *Options) { o.For = time.Millisecond },
		"--partner": func(o *Options) { o.Partner = "away" }, "--fsync": func(o *Options) { o.Fsync = -1 },
		"--peers": func(o *Options) { o.Peers = []string{"echo", "nobody"} },
	} {
		o := valid()
		change(&o)
		if err := o.Validate(); err == nil || !strings.HasPrefix(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// Verdict is always measured, and first: the others are compared with it.
func TestWhoIsMeasured(t *testing.T) {
	names := func(o Options) string {
		var all []string
		for _, c := range o.chosen() {
			all = append(all, c.name)
		}
		return strings.Join(all, " ")
	}
	if got := names(Options{Peers: []string{"group", "each"}}); got != "verdict group each" {
		t.Errorf("with a choice: %s", got)
	}
	if got := names(Options{}); strings.Contains(got, "each") || !strings.HasPrefix(got, "verdict ") {
		t.Errorf("without: %s", got)
	}
	if got := names(Options{Fsync: time.Millisecond}); !strings.Contains(got, "verdict-each") || !strings.Contains(got, " each") {
		t.Errorf("with slow fsyncs: %s", got)
	}
}

// The build of one commit each is of this version's code, with another constant and nothing else.
func TestOneCommitEachIsAConstant(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	path, err := oneEach(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &overlay)
	}
	if err != nil || len(overlay.Replace) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	for from, to := range overlay.Replace {
		was, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.ReadFile(to)
		if err != nil {
			t.Fatal(err)
		}
		changed, old := 0, strings.Split(string(was), "\n")
		for i, line := range strings.Split(string(is), "\n") {
			if line == old[i] {
				continue
			}
			changed++
			if strings.TrimSpace(line) != "batchSize = 1" {
				t.Errorf("%q became %q", old[i], line)
			}
		}
		if changed != 1 {
			t.Errorf("%d lines differ", changed)
		}
	}
	if _, err := oneEach(t.TempDir(), t.TempDir()); err == nil {
		t.Error("where nothing sets it there is an overlay all the same")
	}
}

func shown(highest float64, p99 time.Duration) *Round {
	r := &Round{Highest: []float64{highest}, Saturated: []float64{1e5}}
	r.Open.Latency = stats.NewLatency()
	r.Open.Latency.Record(p99)
	r.Open.Q = r.Open.Latency.Quantiles()
	return r
}

// The machine was slow in the second round: the ratios are of rounds. Who wasn't measured is told, and has no row.
func TestAReportComparesRoundByRound(t *testing.T) {
	report := Report{Options: valid(), Rows: []*Row{
		{Name: verdictName, Version: "its defaults", Rounds: []*Round{shown(9000, time.Millisecond), shown(900, 5*time.Millisecond)}},
		{Name: "group", Version: "lean", Rounds: []*Round{shown(3000, 2*time.Millisecond), shown(300, 10*time.Millisecond)}},
		{Name: "river", Version: "v0", Absent: "no PostgreSQL"},
	}}
	report.Rows[0].Rounds[1].Trouble = "7 refused"
	var out strings.Builder
	if err := report.Print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"group 1650 (300-3000) 3.00 100µs", "group 6004µs (2000µs-10.0ms) 0.50", "NOT MEASURED: no PostgreSQL", "WARNING: round 2: 7 refused",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}
