package main

import (
	"strings"
	"testing"
	"time"

	"verdict"
	"verdict/web/admin"
)

func TestTimesAreWrittenAsPreciselyAsItMatters(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 4 * time.Millisecond: "0s", 123 * time.Millisecond: "120ms", 999 * time.Millisecond: "1s", 1234 * time.Millisecond: "1.2s",
		38*time.Second + 300*time.Millisecond: "38s", time.Minute: "1m", 99 * time.Second: "1m39s", time.Hour - time.Millisecond: "1h",
		61*time.Minute + 20*time.Second: "1h1m", 10 * time.Hour: "10h", 20 * time.Minute: "20m",
	} {
		if got := span(d.Milliseconds()); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
	}
}

func TestAPlanIsPrintedWithItsFigures(t *testing.T) {
	wantAll(t, asText(t, planned()),
		"djamo: checks are planned. The circuit is closed; it has never refused a call.\n",
		"Budget: 60 checks in 1m, 3 of them at once. In the last hour 0 were made.\n",
		"Price: a check is made between those of the schedule if it saves a user 8s of waiting.\n",
		"Not answered: 120 seen, 30.0 a minute of late; 20 % of webhooks lost; asked from 5s on\n",
		"Verdicts stand: half within 40s, nine in ten within 40s, 3 % not by the last check.\n",
		"Nobody listens: 1m◆ 6m◆\n", "An app listens: 15s 1m◆ 6m◆\n",
		"nobody listens                1.50    9.4s        8s           23s\n", "an app listens, webhook lost  3.00    0s ",
	)
}

func TestAPlanSaysWhatHoldsChecksBack(t *testing.T) {
	p := planned()
	p.Refusals, p.Circuit, p.CircuitUntil = 2, verdict.CircuitOpen, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p.Budget = admin.Budget{Checks: 12, WindowMS: 120_000, Burst: 1}
	p.Taught, p.PriceMS = &admin.Lesson{Budget: p.Budget, At: p.CircuitUntil}, 52_000
	wantAll(t, strings.Join(standingWords(p), "\n"),
		"The circuit is open, no check is made before 2026-01-02T03:04:05.000Z; refusals so far: 2.\n",
		"Budget: 12 checks in 2m instead of 60 checks in 1m, 3 of them at once, since a refusal at 2026-01-02T03:04:05.000Z.",
		"saves a user 52s of waiting, and not 8s, because the budget is short.",
	)
	p.Circuit, p.Budget, p.Mode = verdict.CircuitHalfOpen, p.Told, verdict.ModePinned
	text := strings.Join(standingWords(p), "\n")
	wantAll(t, text, "half-open, one check at a time", "early_checks")
	if strings.Contains(text, "since a refusal") {
		t.Errorf("what it was taught isn't kept to any more:\n%s", text)
	}
	wantAll(t, asText(t, p), "● configured (early_checks)")
}

func TestWhatIsHardlyThereIsSaidInWords(t *testing.T) {
	c := course{Course: planned().Answered}
	c.Sightings, c.PerSecond, c.WebhookLoss, c.Late = 0.2, 1e-5, 0.001, 0
	wantAll(t, c.words(), "1 seen, hardly any of late; under 1 % of webhooks lost")
	c.Sightings, c.PerSecond = 0, 0
	wantAll(t, c.words(), "none seen yet, so by a guess")
	c.Settle[3].ByMS = 400_000 // after the last check
	if got := c.settleWords(); got != "Verdicts stand: under 1 % not by the last check." {
		t.Error(got)
	}
	c.Sightings, c.PerSecond = 3, 12.34
	wantAll(t, c.words(), "3 seen, 12.3 a second of late")
}
