package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"verdict"
	"verdict/web/admin"
)

// span writes a time as precisely as it matters.
func span(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	unit := time.Minute
	switch {
	case d < time.Second:
		unit = 10 * time.Millisecond
	case d < 10*time.Second:
		unit = 100 * time.Millisecond
	case d < time.Hour:
		unit = time.Second
	}
	text := d.Round(unit).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func shareWords(share float64) string {
	if share < 0.01 {
		return "under 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

func rateWords(perSecond float64) string {
	switch perMinute := 60 * perSecond; {
	case perMinute < 0.1:
		return "hardly any of late"
	case perMinute < 100:
		return fmt.Sprintf("%.1f a minute of late", perMinute)
	}
	return fmt.Sprintf("%.1f a second of late", perSecond)
}

// budgetWords is a budget such as "60 checks in 1m".
func budgetWords(b admin.Budget) string {
	if b.Checks == 0 {
		return "as many checks as there are to make"
	}
	text := fmt.Sprintf("%d checks in %s", b.Checks, span(b.WindowMS))
	if b.Burst > 1 {
		text += fmt.Sprintf(", %d of them at once", b.Burst)
	}
	return text
}

// standingWords says how a partner's checks stand, in a few sentences.
func standingWords(p admin.Prospect) []string {
	lines := []string{p.Name + ": " + modeWords(p) + ". " + circuitWords(p.Partner)}
	budget := "Budget: " + budgetWords(p.Budget)
	if p.Taught != nil && p.Budget != p.Told {
		budget += " instead of " + budgetWords(p.Told) + ", since a refusal at " + moment(p.Taught.At)
	}
	lines = append(lines, budget+fmt.Sprintf(". In the last hour %d were made.", p.ChecksLastHour))
	if p.PriceMS == 0 {
		return lines
	}
	price := "Price: a check is made between those of the schedule if it saves a user " + span(p.PriceMS) + " of waiting"
	if p.PriceMS > p.LeastPriceMS {
		price += ", and not " + span(p.LeastPriceMS) + ", because the budget is short"
	}
	return append(lines, price+".")
}

func modeWords(p admin.Prospect) string {
	switch p.Mode {
	case verdict.ModePinned:
		return "checks are made at the times configured, early_checks"
	case verdict.ModeBackoff:
		return "checks are made at the times of schedule.checks alone"
	}
	return "checks are planned"
}

func circuitWords(p admin.Partner) string {
	refusals := "; it has never refused a call."
	if p.Refusals > 0 {
		refusals = fmt.Sprintf("; refusals so far: %d.", p.Refusals)
	}
	switch {
	case p.Circuit == verdict.CircuitOpen:
		return "The circuit is open, no check is made before " + moment(p.CircuitUntil) + refusals
	case p.Circuit == verdict.CircuitHalfOpen:
		return "The circuit is half-open, one check at a time is made until one is answered" + refusals
	}
	return "The circuit is closed" + refusals
}

// course is one of the two courses that transactions take whose reply brings no verdict.
type course struct {
	admin.Course
	name string
	word int64 // by when most verdicts stand, by the partner's word, in milliseconds; 0: it says nothing
}

// courses are those of a plan.
func courses(p admin.Prospect) ([]course, error) {
	list := []course{
		{p.Answered, "Answered without a verdict", p.SettlesWithinMS},
		{p.Unanswered, "Not answered", p.SettlesWithinMS},
	}
	for _, c := range list {
		if len(c.Plan.Checks) == 0 || len(c.Watched.Checks) == 0 || c.Plan.Checks[0].AtMS <= 0 || c.Watched.Checks[0].AtMS <= 0 {
			return nil, errors.New("the answer is no plan; --admin names the gateway's operators' listener, its admin.address")
		}
	}
	return list, nil
}

// words say on what the expectations of a course rest.
func (c course) words() string {
	var text string
	switch {
	case c.Sightings > 0:
		text = fmt.Sprintf("%.0f seen, %s", max(c.Sightings, 1), rateWords(c.PerSecond))
	case c.word > 0:
		text = "none seen yet, so by the partner's word: most within " + span(c.word)
	default:
		text = "none seen yet, so by a guess"
	}
	if c.WebhookSightings > 0 {
		text += "; " + shareWords(c.WebhookLoss) + " of webhooks lost"
	}
	if c.BeginsMS > 0 {
		text += "; asked from " + span(c.BeginsMS) + " on"
	}
	return text
}

// within is by when a part of the verdicts stands, and false if that is later than the last check.
func (c course) within(part float64) (ms int64, ok bool) {
	var stand float64
	last := c.Plan.Checks[len(c.Plan.Checks)-1].AtMS
	for _, p := range c.Settle {
		if stand += p.Share; stand >= part {
			return p.ByMS, p.ByMS <= last
		}
	}
	return 0, false
}

// settleWords say when the verdicts of a course come to stand.
func (c course) settleWords() string {
	var parts []string
	for _, part := range []struct {
		share float64
		name  string
	}{{0.5, "half"}, {0.9, "nine in ten"}} {
		if ms, ok := c.within(part.share); ok {
			parts = append(parts, part.name+" within "+span(ms))
		}
	}
	return "Verdicts stand: " + strings.Join(append(parts, shareWords(c.Late)+" not by the last check"), ", ") + "."
}

// asks is a way of asking, with what it comes to.
type asks struct {
	admin.Asks
	name string
}

// ways are the ways of asking in a course: one, if it makes no difference whether an app listens.
func (c course) ways() []asks {
	if slices.Equal(c.Plan.Checks, c.Watched.Checks) {
		return []asks{{c.Plan, "asked"}}
	}
	return []asks{{c.Plan, "nobody listens"}, {c.Watched, "an app listens"}}
}

// words name the times of the checks.
func (a asks) words() string {
	text := strings.ToUpper(a.name[:1]) + a.name[1:] + ":"
	for _, c := range a.Checks {
		text += " " + span(c.AtMS)
		if c.Floor {
			text += string(signFloor)
		}
	}
	return text
}

// figures are what the ways of asking in a course come to, with a row of names first.
func (c course) figures() [][]string {
	rows := [][]string{{"EXPECTED", "CHECKS", "MEAN DELAY", "HALF WITHIN", "9 IN 10 WITHIN"}}
	for _, way := range c.ways() {
		rows = append(rows, figureRow(way.name, way.Expected), figureRow(way.name+", webhook lost", way.Untold))
	}
	return rows
}

func figureRow(name string, t admin.Toll) []string {
	return []string{name, fmt.Sprintf("%.2f", t.Checks), span(t.MeanMS), span(t.P50MS), span(t.P90MS)}
}

// legendBetween names the checks between the schedule's.
func legendBetween(p admin.Prospect) string {
	if p.Mode == verdict.ModePinned {
		return "configured (early_checks)"
	}
	return "planned"
}

// The rest of a legend.
const (
	legendFloor = "in any case (schedule.checks)"
	legendDelay = "A delay counts from when a verdict stands until it is known."
)
