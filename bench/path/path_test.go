package path

import (
	"strings"
	"testing"
	"time"
)

func seen(submit, push time.Duration) *Point {
	p := &Point{Rate: 1000, Submit: newLatency(), Push: newLatency(), Late: newLatency(), CPU: 1e5}
	p.Submit.Record(submit)
	p.Push.Record(push)
	for _, l := range []*latency{&p.Submit, &p.Push, &p.Late} {
		l.finish()
	}
	return p
}

// A record that is kept from round to round would answer a number that comes again as a repeat.
func TestANumberIsTakenOnce(t *testing.T) {
	var w World
	if a, b, c := w.Numbers(3), w.Numbers(2), w.Numbers(1); a != 0 || b != 3 || c != 5 {
		t.Errorf("%d, %d, %d", a, b, c)
	}
}

func TestARateIsSustained(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Point)
		want   bool
	}{
		"all well":    {func(*Point) {}, true},
		"slow":        {func(p *Point) { p.Submit.P99 = promptly }, false},
		"refused":     {func(p *Point) { p.Refused = 1 }, false},
		"lost":        {func(p *Point) { p.Lost = 1 }, false},
		"cut":         {func(p *Point) { p.Cut = true }, false},
		"piling up":   {func(p *Point) { p.Behind = keepUp + 1 }, false},
		"just so":     {func(p *Point) { p.Behind = keepUp }, true},
		"slow pushes": {func(p *Point) { p.Push.P99 = time.Second }, true}, // they are told, and pile up or don't
	} {
		p := seen(time.Millisecond, 2*time.Millisecond)
		c.change(p)
		if got := p.sustained(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// The machine was slow in the second round for both: the ratios are of rounds.
func TestAReportComparesRoundByRound(t *testing.T) {
	ms := time.Millisecond
	r := Report{Options: Options{Rounds: 2, Rates: []float64{1000}, Search: true}, Rows: []*Row{
		{Name: "verdict", Rounds: []*Round{
			{Start: 40 * ms, Memory: 30 << 20, Fsyncs: 0.5, Sustained: 6000, Points: []*Point{seen(2*ms, 4*ms)}},
			{Start: 80 * ms, Memory: 30 << 20, Fsyncs: 1.5, Sustained: 600, Points: []*Point{seen(20*ms, 40*ms)}},
		}},
		{Name: "straight", Rounds: []*Round{
			{Start: 20 * ms, Memory: 10 << 20, Fsyncs: -1, Sustained: 12000, Points: []*Point{seen(ms, 2*ms)}},
			{Start: 40 * ms, Memory: 10 << 20, Fsyncs: -1, Sustained: 1200, Points: []*Point{seen(10*ms, 20*ms)}},
		}},
	}}
	r.Rows[0].Rounds[1].Points[0].Lost = 7
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"verdict is times straight", "post to 202, p50 11.0ms (2000µs-20.0ms) 2.00 5504µs (1000µs-10.0ms)", "highest sustained rate 3300 (600-6000) 0.50 6600 (1200-12000)",
		"traced 1.00 (0.50-1.50) - ", "(RSS) 30.0M 3.00 10.0M", "WARNING: verdict, round 2, 1000/s: 0 refused (<nil>), 7 lost",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, out.String())
		}
	}
}
