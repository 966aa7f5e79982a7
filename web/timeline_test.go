package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"verdict"
)

func TestTimelineTellsWhatHappenedInOrder(t *testing.T) {
	start := time.Date(2026, 1, 15, 10, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	tr := verdict.Transaction{
		Status: verdict.Failed, Stage: verdict.StageSettled, Reason: "declined", CreatedAt: start, SentAt: at(10), SettledAt: at(60),
	}
	got := entries(tr, []verdict.Evidence{
		{Source: verdict.SourceReply, Outcome: verdict.OutcomeNotSent, Reason: "dial tcp 10.0.0.7: refused", Asked: at(1), At: at(2)},
		{Source: verdict.SourceReply, Outcome: verdict.OutcomeUnknown, Reason: "504", Asked: at(10), At: at(40)},
		{Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, Reason: "declined", Asked: at(59), At: at(60), Raw: []byte("raw")},
		{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeSucceeded, At: at(70), Conflict: true},
	}, []verdict.Notice{{ToldAt: at(61)}, {Due: at(90)}})
	var lines []string
	for _, e := range got {
		line := fmt.Sprint(e.At.Sub(start), " ", e.Kind, " ", e.Outcome, " ", e.Reason, " ", e.Conflict)
		if e.TookMS != nil {
			line += fmt.Sprint(" ", *e.TookMS)
		}
		lines = append(lines, line)
	}
	want := []string{
		"0s accepted   false",
		"1s sending   false",
		"2s reply not_sent  false 1000",
		"10s sending   false",
		"40s reply unknown  false 30000",
		"1m0s check failed declined false 1000",
		"1m0s verdict failed declined false",
		"1m1s notified   false",
		"1m10s webhook succeeded  true",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
}

func TestTimelineTellsOfReview(t *testing.T) {
	start := time.Now()
	tr := verdict.Transaction{Status: verdict.Pending, Stage: verdict.StageReview, Reason: "no verdict in time", CreatedAt: start, SentAt: start}
	got := entries(tr, []verdict.Evidence{{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, Asked: start, At: start.Add(time.Hour)}}, nil)
	if last := got[len(got)-1]; last.Kind != "review" || last.Reason != tr.Reason {
		t.Errorf("ends with %+v", last)
	}
}

func TestTimelineIsServed(t *testing.T) {
	w := newWorld(t)
	tr := w.accept("k1")
	w.do("POST", w.webhookPath(tr.ID), "dial tcp 10.0.0.7")
	w.settled(tr, verdict.OutcomeSucceeded)
	answer := w.do("GET", "/v1/transactions/"+tr.ID+"/timeline", "")
	if text := answer.Body.String(); strings.Contains(text, "dial") || strings.Contains(text, "webhook of ours") {
		t.Errorf("it tells the partner's bytes or our errors: %s", text)
	}
	got := decode[timelineAnswer](t, answer.Body)
	var kinds []string
	for _, e := range got.Entries {
		kinds = append(kinds, e.Kind)
	}
	if want := "accepted webhook check verdict"; strings.Join(kinds, " ") != want || got.Transaction.Status != verdict.Succeeded {
		t.Errorf("%v of %+v, want %s", kinds, got.Transaction, want)
	}
	w.settled(tr, verdict.OutcomeFailed)
	if text := w.do("GET", "/v1/transactions/"+tr.ID+"/timeline", "").Body.String(); !strings.Contains(text, `"conflict":true`) {
		t.Errorf("the conflict is hidden: %s", text)
	}
}
