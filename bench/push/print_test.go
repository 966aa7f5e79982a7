package push

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"verdict/bench/stats"
	"verdict/bench/target"
)

// sample is a report of two rounds, in which Verdict takes twice what the others take, and Centrifugo is absent.
func sample() *Report {
	o := Options{Connections: 10, Rounds: 2, Rates: []float64{2000}, Events: 1, Kinds: []target.Kind{target.WebSocket}}
	r := &Report{Options: o, Fsync: stats.Summary{Median: 1e6, Min: 1e6, Max: 1e6}}
	row := func(name string, times float64) *Row {
		row := &Row{Name: name, Kind: target.WebSocket, Rates: []*Pushed{newPushed()}}
		for _, speed := range []float64{1, 10} { // the machine is slow in the second
			p := newPushed()
			p.Latency.Record(time.Duration(times * speed * 1e6))
			p.Server, p.Client = time.Duration(times*speed*1e6), time.Duration(speed*1e6)
			p.finish()
			row.Rounds = append(row.Rounds, &Round{
				Idle: PerConnection{RSS: times * 4096, Heap: 2048}, After: PerConnection{RSS: times * 8192}, Rates: []*Pushed{p}, Quiet: true,
			})
		}
		return row
	}
	r.Rows = []*Row{
		row(target.Verdict, 2), row("gorilla, usual", 1), row("gorilla, lean", 1),
		{Name: target.Centrifugo, Kind: target.WebSocket, Absent: "could not be built", Rates: []*Pushed{newPushed()}},
	}
	r.Rows[0].Rounds[1].Stray = 3
	r.merge()
	return r
}

func printed(t *testing.T, r *Report) string {
	t.Helper()
	var text strings.Builder
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// line returns the words of the line after one that begins with a heading, which begins with a name.
func line(t *testing.T, text, heading, name string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, heading)
	if !found {
		t.Fatalf("there is no %q in:\n%s", heading, text)
	}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, name) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	t.Fatalf("there is no line %q below %q", name, heading)
	return ""
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	got := line(t, printed(t, sample()), "Verdict over the others", "gorilla, lean")
	if want := "gorilla, lean 2.00 1.00 2.00 2.00 2.00 2.00 2.00"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTargetsAreSetBesideWhatWasMeasured(t *testing.T) {
	text := printed(t, sample())
	for name, want := range map[string]string{
		"websocket connection, idle":              "<= 8.0K 8.0K RSS; 2.0K heap and stacks met",
		"websocket connection, after traffic":     "<= 10.0K 16.0K RSS; 0.0K heap and stacks NOT MET",
		"websocket at 2000/s: server's time over": "the client's <= 1.4 2.00 NOT MET",
		"websocket at 2000/s: p99.9":              "<= 5.00ms 20.02ms NOT MET", // to three digits
		"websocket at 2000/s: p50":                `<= 4.00ms (3 fsyncs + that of "gorilla, lean", Centrifugo being absent) 2.00ms met`,
	} {
		if got := line(t, text, "Targets", name); got != name+" "+want {
			t.Errorf("%q, want %q", got, name+" "+want)
		}
	}
}

func TestWhatWasNotMeasuredIsSaid(t *testing.T) {
	text := printed(t, sample())
	for _, want := range []string{"Centrifugo      could not be built", "NOT MEASURED: websocket, Centrifugo: could not be built", "WARNING: websocket, verdict: 3 events came twice"} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in:\n%s", want, text)
		}
	}
	if _, err := json.Marshal(sample()); err != nil {
		t.Error(err)
	}
}

func TestRoundsTogether(t *testing.T) {
	p := sample().Rows[0].Rates[0]
	if p.Quantiles.Count != 2 || p.Server != 22*time.Millisecond || p.Client != 11*time.Millisecond {
		t.Errorf("%+v", p)
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	good := Options{Connections: 1, Rounds: 1, Rates: []float64{1}, Events: 1, Kinds: []target.Kind{target.SSE}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Options){
		"--connections": func(o *Options) { o.Connections = 0 },
		"--rounds":      func(o *Options) { o.Rounds = 0 },
		"--events":      func(o *Options) { o.Events = 0 },
		"--rate":        func(o *Options) { o.Rates = []float64{-1} },
		"--kind":        func(o *Options) { o.Kinds = []target.Kind{"pigeon"} },
	} {
		o := good
		spoil(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
