package scale

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"verdict/bench/stats"
)

// sample is a report of three rounds: the machine is twice as slow in the second, and was disturbed in the third.
func sample() *Report {
	r := &Report{Options: Options{Rounds: 3, Rate: 100}, Processors: 2, Fsync: stats.Summary{Median: 1e6, Min: 1e6, Max: 1e6}}
	row := func(name string, shared bool) *Row {
		row := &Row{Name: name, Shared: shared}
		for n, slow := range []float64{1, 2, 1} {
			good := &Point{Rate: 200 / slow, Submit: newLatency(), Push: newLatency(), Late: newLatency()}
			good.Submit.Record(time.Duration(slow) * time.Millisecond)
			good.Submit.finish()
			good.Each = counts{gatewayCPU: slow * 1e6, machineCPU: slow * 4e6, partnerCPU: slow * 1e5}
			good.Loaded = growth{counts{}, time.Second}
			if shared {
				good.Each[postgresCPU], good.Each[natsCPU], good.Each[changes], good.Each[commits] = slow*2e6, slow*5e5, 4, 0.5
				good.Loaded.counts[commits] = 100
				good.Waits = Waits{Samples: 10, Held: map[string]int{syncing: 2, working: 1}}
			}
			bad := &Point{Rate: 230 / slow, Cut: true, Shares: counts{machineCPU: 2}}
			compared := *good
			compared.Rate, compared.Stray = 100, n/2
			row.Rounds = append(row.Rounds, &Round{
				Idle: counts{machineCPU: 0.1 + float64(n/2)}, Compared: &compared, Tried: []*Point{&compared, good, bad, {Rate: 400, Cut: true}},
				Submits: 300 / slow, Whole: 200 / slow, Replicas: map[string]int{"EVENTS": 3},
			})
		}
		return row
	}
	r.Rows = []*Row{row("SQLite", false), row("cluster of 2", true)}
	return r
}

// line returns the words of the line that begins with a name, in the table of a title.
func line(t *testing.T, text, title, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+title)
	if !found {
		t.Fatalf("there is no table %q in:\n%s", title, text)
	}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, name) {
			return strings.Join(strings.Fields(strings.TrimPrefix(line, name)), " ")
		}
	}
	t.Fatalf("there is no line %q below %q", name, title)
	return ""
}

func TestTablesHoldMediansAndSpreads(t *testing.T) {
	var to strings.Builder
	if err := sample().Print(&to); err != nil {
		t.Fatal(err)
	}
	text := to.String()
	limit := "processors (100 % busy)"
	for _, c := range [][3]string{
		{"Highest rate", "cluster of 2", "300 (150-300) 200 (100-200) " + strings.Join([]string{limit, limit, limit}, "; ")},
		{"Times at 100", "SQLite", "1000µs (1000µs-2000µs) 1000µs (1000µs-2000µs) 0µs 0µs 0µs"},
		{"Processor time of a transaction at 100", "SQLite", "1000µs (1000µs-2000µs) - - 1000µs (1000µs-2000µs) 100µs (100µs-200µs) - 2900µs (2900µs-5800µs)"},
		{"Processor time of a transaction at the highest", "cluster of 2",
			"1000µs (1000µs-2000µs) 2000µs (2000µs-4000µs) 500µs (500µs-1000µs) 3500µs (3500µs-7000µs) 100µs (100µs-200µs) - 400µs (400µs-800µs)"},
		{"A transaction at 100", "cluster of 2", "4.00 0.50 8.00 3000µs - - - - - - -"},
		{"A transaction at 100", "SQLite", "- - - - - - - - - - -"},
		{"Past the highest rate", "SQLite", "200% 0% 0% 0% 0% 0% - - - -"},
		{"Idle", "SQLite", "0% 0% 0% 10% (10%-110%)"},
	} {
		if got := line(t, text, c[0], c[1]); got != c[2] {
			t.Errorf("%s, %s:\n%s, want\n%s", c[0], c[1], got, c[2])
		}
	}
	for _, note := range []string{
		"Stream EVENTS: 3 replicas", "can't grow\nwith the number of instances",
		"WARNING: SQLite, round 3: the machine was busy with other things, 110 %", "WARNING: cluster of 2, round 3, 100/s: 0 refused, 0 lost, 1 told twice",
	} {
		if !strings.Contains(text, note) {
			t.Errorf("no word of %q in:\n%s", note, text)
		}
	}
	if strings.Count(text, "WARNING") != 4 {
		t.Errorf("more than four warnings in:\n%s", text)
	}
}

func TestAReportIsWrittenAsJSON(t *testing.T) {
	text, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Rows []struct {
			Rounds []struct {
				Compared struct {
					Submit struct {
						P50 int64 `json:"p50_ns"`
					}
					Each map[string]float64
				}
			}
		}
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	p := read.Rows[1].Rounds[1].Compared
	if p.Submit.P50 < 1_990_000 || p.Submit.P50 > 2_010_000 || p.Each["postgres_cpu_ns"] != 4e6 {
		t.Errorf("%+v", p)
	}
}

// The last rate that was sustained and the first that wasn't are told by what each round tried.
func TestTheBestPointIsThatOfTheHighestRate(t *testing.T) {
	r := sample().Rows[0].Rounds[0]
	if got := r.best(); got == nil || got.Rate != 200 {
		t.Errorf("best %+v", got)
	}
	if got := r.past(); got == nil || got.Rate != 230 {
		t.Errorf("past %+v", got)
	}
	none := &Round{Tried: []*Point{{Rate: 1, Cut: true}}}
	if got := none.best(); got != nil {
		t.Errorf("none was sustained, and the best is %+v", got)
	}
}

func TestOptionsSayTheMend(t *testing.T) {
	good := Options{Instances: []int{1}, Rounds: 1, Rate: 1, For: time.Second, Step: time.Second, Clients: 1}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for flag, change := range map[string]func(*Options){
		"--instances":    func(o *Options) { o.Instances = nil },
		"--instances: 0": func(o *Options) { o.Instances = []int{1, 0} },
		"--rounds":       func(o *Options) { o.Rounds = 0 },
		"--rate":         func(o *Options) { o.Rate = 0 },
		"--for":          func(o *Options) { o.For = 0 },
		"--step":         func(o *Options) { o.Step = 0 },
		"--replicas":     func(o *Options) { o.Replicas = 4 },
		"--clients":      func(o *Options) { o.Clients = 1001 },
	} {
		bad := good
		change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), flag) || !strings.Contains(err.Error(), "give") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestSetupsComeInOrder(t *testing.T) {
	got := Options{Instances: []int{1, 3}, Baseline: true, Replicas: 1}.setups()
	want := []setup{{"SQLite", 1, false, 0}, {"cluster of 1", 1, true, 1}, {"cluster of 3", 3, true, 1}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%+v", got)
	}
}
