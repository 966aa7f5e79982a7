package main

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"verdict"
)

func TestWhatIsHeardIsCountedByItsSource(t *testing.T) {
	f := newFlow(map[string]verdict.Provider{"djamo": nil})
	asked := time.Now()
	pending := verdict.Transaction{Provider: "djamo", Stage: verdict.StageWaiting, CreatedAt: asked}
	settled := pending
	settled.Stage, settled.Status, settled.SettledAt = verdict.StageSettled, verdict.Succeeded, asked.Add(3*time.Second)

	f.heard(pending, pending, verdict.Evidence{Source: verdict.SourceReply, Outcome: verdict.OutcomeUnknown, Asked: asked, At: asked.Add(30 * time.Second)})
	f.heard(pending, settled, verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeSucceeded, Asked: asked, At: asked.Add(time.Second)})
	f.heard(settled, settled, verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: asked.Add(20 * time.Second)})

	for labels, want := range map[[3]string]float64{
		{"djamo", "reply", "unknown"}: 1, {"djamo", "check", "succeeded"}: 1, {"djamo", "webhook", "succeeded"}: 1, {"djamo", "reply", "succeeded"}: 0,
	} {
		if got := testutil.ToFloat64(f.evidence.WithLabelValues(labels[:]...)); got != want {
			t.Errorf("evidence %v: %g, want %g", labels, got, want)
		}
	}
	for labels, want := range map[[3]string]float64{
		{"djamo", "check", "succeeded"}: 1, {"djamo", "webhook", "succeeded"}: 0, {"djamo", "reply", "succeeded"}: 0, // a verdict is given once
	} {
		if got := testutil.ToFloat64(f.verdicts.WithLabelValues(labels[:]...)); got != want {
			t.Errorf("verdicts %v: %g, want %g", labels, got, want)
		}
	}
	if n := testutil.CollectAndCount(f.evidence); n != len(verdict.Sources())*len(verdict.Outcomes()) {
		t.Errorf("%d series of evidence: what was not heard isn't told as 0", n)
	}
}
