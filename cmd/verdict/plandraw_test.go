package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"verdict"
	"verdict/web/admin"
)

// planned is a prospect that is as round as can be: verdicts stand after 10 s to 20 s, and most at 40 s.
func planned() admin.Prospect {
	checks := []admin.PlannedCheck{{AtMS: 15_000}, {AtMS: 60_000, Floor: true}, {AtMS: 360_000, Floor: true}}
	c := admin.Course{
		Sightings: 120, WebhookSightings: 80, PerSecond: 0.5, WebhookLoss: 0.2, Late: 0.03, BeginsMS: 5000,
		Settle: []admin.Portion{
			{AfterMS: 10_000, ByMS: 12_000, Share: 0.1}, {AfterMS: 12_000, ByMS: 14_000, Share: 0.1}, {AfterMS: 14_000, ByMS: 20_000, Share: 0.1},
			{AfterMS: 39_000, ByMS: 40_000, Share: 0.67},
		},
		Plan:    admin.Asks{Checks: checks[1:], Expected: admin.Toll{Checks: 1.5, MeanMS: 9400, P50MS: 8000, P90MS: 23_000}, Untold: admin.Toll{Checks: 2}},
		Watched: admin.Asks{Checks: checks, Expected: admin.Toll{Checks: 2.5}, Untold: admin.Toll{Checks: 3}},
	}
	return admin.Prospect{
		Partner: admin.Partner{Name: "djamo", Mode: verdict.ModePlanned, Circuit: verdict.CircuitClosed, PriceMS: 8000, LeastPriceMS: 8000},
		Told:    admin.Budget{Checks: 60, WindowMS: 60_000, Burst: 3}, Budget: admin.Budget{Checks: 60, WindowMS: 60_000, Burst: 3},
		Answered: c, Unanswered: c,
	}
}

func asText(t *testing.T, p admin.Prospect) string {
	t.Helper()
	var text strings.Builder
	if err := printPlan(&text, p); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func asSVG(t *testing.T, p admin.Prospect) string {
	t.Helper()
	var text strings.Builder
	if err := drawPlan(&text, p); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// wantAll checks that a text has all these words.
func wantAll(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%q is missing in\n%s", word, text)
		}
	}
}

func TestAChartHasEachThingWhereItBelongs(t *testing.T) {
	p := planned()
	list, err := courses(p)
	if err != nil {
		t.Fatal(err)
	}
	a := newAxis(list)
	if a.from != 12_000/headStart || a.to != 360_000 {
		t.Fatalf("%+v", a)
	}
	lines := picture(a, list[0])
	rule, watched := []rune(lines[chartRows]), []rune(lines[chartRows+3])
	if at := slices.Index(watched, signPlanned); at != columnOf(math.Log(1.5)/math.Log(36)) {
		t.Errorf("the planned check is in column %d", at)
	}
	minute := slices.Index(watched, signFloor)
	if rule[minute] != '┴' || !strings.Contains(string([]rune(lines[chartRows+1])[minute-1:minute+2]), "1m") {
		t.Errorf("the check at a minute isn't under it:\n%s", strings.Join(lines, "\n"))
	}
	if last := watched[len(watched)-1]; last != signFloor {
		t.Errorf("%c is last", last)
	}
	if !strings.HasSuffix(strings.TrimRight(lines[0], " "), "█ 67 %") {
		t.Errorf("the verdicts that stand at one time aren't named:\n%s", lines[0])
	}
	same := asks{Asks: admin.Asks{Checks: []admin.PlannedCheck{{AtMS: 60_100}, {AtMS: 60_200, Floor: true}, {AtMS: 60_300}}}}
	if got := []rune(marks(a, same)); got[minute] != signFloor || slices.Contains(got, signPlanned) {
		t.Errorf("of checks in one column the schedule's is to be seen: %s", string(got))
	}
	if bottom := []rune(lines[chartRows-1]); bottom[gutter] != '█' || bottom[columnOf(a.at(30_000))] != ' ' {
		t.Errorf("the verdicts aren't where they are:\n%s", string(bottom))
	}
}

func TestTheNamesOfTimesKeepApart(t *testing.T) {
	a := axis{10, 86_400_000}
	for _, name := range strings.Fields(rule(a)[1]) {
		if !slices.ContainsFunc(a.ticks(), func(known tick) bool { return known.name == name }) {
			t.Errorf("%q is no time", name)
		}
	}
}

func TestHeightsAreInProportion(t *testing.T) {
	a := axis{1000, 16_000}
	settle := []admin.Portion{{AfterMS: 1000, ByMS: 2000, Share: 0.1}, {AfterMS: 2000, ByMS: 4000, Share: 0.2}, {AfterMS: 4000, ByMS: 8000, Share: 0.1}}
	got := a.heights(settle, 8)
	for k, want := range []float64{0.1, 0.1, 0.2, 0.2, 0.1, 0.1, 0, 0} { // of 0.2, or of what is cut: 1.5 times the third
		if want = min(want/0.15, 1); math.Abs(got[k]-want) > 1e-6 {
			t.Errorf("part %d is %g high, want %g", k, got[k], want)
		}
	}
	early := []admin.Portion{{ByMS: 1001, Share: 0.1}, {ByMS: 1002, Share: 0.1}, {ByMS: 1003, Share: 0.1}}
	if got := a.full(append(early, settle...)); got != a.full(settle) {
		t.Errorf("what began before the axis lies thicker on it than it is: %g", got)
	}
	if got := a.heights(slices.Repeat([]admin.Portion{{AfterMS: 2000, ByMS: 4000}}, 3), 1); got[0] != 0 {
		t.Errorf("no verdicts: %v", got)
	}
	if got := a.heights([]admin.Portion{{AfterMS: 0, ByMS: 500, Share: 1}}, 4); got[0] != 1 || got[1] != 0 {
		t.Errorf("what stands before the axis: %v", got)
	}
}

func TestADrawingIsCompleteInItself(t *testing.T) {
	p := planned()
	p.Name = `<script>&"]]>` + "\x00\x1b"
	text := asSVG(t, p)
	wantAll(t, text, `role="img"`, `aria-labelledby="title desc"`, "prefers-color-scheme: dark", "&lt;script&gt;&amp;&#34;]]&gt;\uFFFD\uFFFD", "67 %", "9.4s")
	if strings.Count(text, "<circle") != 3 || strings.Count(text, `class="floor"`) != 9 { // and one each in the legend
		t.Errorf("%d planned checks and %d others", strings.Count(text, "<circle"), strings.Count(text, `class="floor"`))
	}
	if rest := strings.Replace(text, "http://www.w3.org/2000/svg", "", 1); strings.Contains(rest, "http") || strings.Contains(rest, "url(") || strings.Contains(rest, "<script") {
		t.Error("it needs something from elsewhere, or does something")
	}
	for _, words := range append(standingWords(planned()), "Nobody listens: 1m◆ 6m◆") {
		wantAll(t, asSVG(t, planned()), words) // also for who can't see it
	}
}

// wellFormed reads XML to its end.
func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// anyCourse is a course that no gateway may ever tell.
func anyCourse(t *rapid.T) (c admin.Course) {
	long := rapid.Int64Range(1, 1e8)
	share := rapid.Float64Range(0, 1)
	asks := func(name string) (a admin.Asks) {
		at := rapid.SampledFrom([]int64{1, 1, 1, 1, 1, 1, 0, -5}).Draw(t, "first "+name)
		for range rapid.IntRange(0, 40).Draw(t, name) {
			a.Checks = append(a.Checks, admin.PlannedCheck{AtMS: at, Floor: rapid.Bool().Draw(t, "floor")})
			at += long.Draw(t, "later")
		}
		return a
	}
	c.Plan, c.Watched = asks("plan"), asks("watched")
	for range rapid.IntRange(0, 5).Draw(t, "portions") {
		after := long.Draw(t, "after") - 1
		c.Settle = append(c.Settle, admin.Portion{AfterMS: after, ByMS: after + long.Draw(t, "long"), Share: share.Draw(t, "share")})
	}
	c.Sightings, c.PerSecond, c.WebhookLoss = rapid.Float64Range(0, 1e6).Draw(t, "seen"), rapid.Float64Range(0, 1e6).Draw(t, "rate"), share.Draw(t, "loss")
	return c
}

func TestWhateverIsAnsweredFitsTheTerminalOrIsRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := planned()
		p.Name = rapid.StringN(0, 32, -1).Draw(rt, "name")
		p.Answered, p.Unanswered = anyCourse(rt), anyCourse(rt)
		var text, svg strings.Builder
		refused := printPlan(&text, p)
		if err := drawPlan(&svg, p); (err == nil) != (refused == nil) {
			rt.Fatalf("printed: %v; drawn: %v", refused, err)
		}
		if refused != nil {
			return
		}
		for line := range strings.Lines(text.String()) {
			line = strings.TrimSuffix(line, "\n")
			if n := len([]rune(line)); n > 100 || printed(line) != line {
				rt.Fatalf("%d columns: %q", n, line)
			}
		}
		if err := wellFormed(svg.String()); err != nil || strings.Contains(svg.String(), "NaN") {
			rt.Fatalf("%v\n%s", err, svg.String())
		}
	})
}
