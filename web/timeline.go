package web

import (
	"net/http"
	"slices"
	"time"

	"verdict"
)

// entry is one thing that happened to a transaction.
type entry struct {
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind"`
	Outcome  verdict.Outcome `json:"outcome,omitempty"`
	Reason   string          `json:"reason,omitempty"`
	TookMS   *int64          `json:"took_ms,omitempty"`  // how long the partner took to answer
	Conflict bool            `json:"conflict,omitempty"` // it contradicts the verdict
}

// timelineAnswer is what GET /v1/transactions/{id}/timeline tells.
type timelineAnswer struct {
	Transaction verdict.View `json:"transaction"`
	Entries     []entry      `json:"entries"`
}

// timeline takes GET /v1/transactions/{id}/timeline.
func (s *Server) timeline(w http.ResponseWriter, r *http.Request) error {
	t, err := s.read(r.Context(), caller(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	history, err := s.store.History(r.Context(), t.ID)
	if err != nil {
		return err
	}
	notices, err := s.store.NoticesOf(r.Context(), t.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, timelineAnswer{Transaction: t.View(), Entries: entries(t, history, notices)})
}

// entries tells what happened, in the order in which it did; of what happened at once, in the order of cause and effect.
func entries(t verdict.Transaction, history []verdict.Evidence, notices []verdict.Notice) []entry {
	list := []entry{{At: t.CreatedAt, Kind: "accepted"}}
	for _, sent := range sendings(t, history) {
		list = append(list, entry{At: sent, Kind: "sending"})
	}
	for _, e := range history {
		list = append(list, evidenceEntry(e))
	}
	switch {
	case t.Settled():
		list = append(list, entry{At: t.SettledAt, Kind: "verdict", Outcome: verdict.Outcome(t.Status), Reason: t.Reason})
	case t.Stage == verdict.StageReview && len(history) > 0: // the last evidence led to it
		list = append(list, entry{At: history[len(history)-1].At, Kind: "review", Reason: t.Reason})
	}
	if !t.ToldAt.IsZero() {
		list = append(list, entry{At: t.ToldAt, Kind: "told"})
	}
	if !t.ConfirmedAt.IsZero() {
		list = append(list, entry{At: t.ConfirmedAt, Kind: "confirmed"})
	}
	for _, n := range notices {
		if !n.ToldAt.IsZero() {
			list = append(list, entry{At: n.ToldAt, Kind: "notified"})
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.At.Compare(b.At) })
	for i := range list {
		list[i].At = list[i].At.UTC().Truncate(time.Millisecond)
	}
	return list
}

// sendings returns when we began to send: each reply knows its own, and the transaction the last, which may have none.
func sendings(t verdict.Transaction, history []verdict.Evidence) []time.Time {
	var times []time.Time
	for _, e := range history {
		if e.Source == verdict.SourceReply && !e.Asked.IsZero() && !e.Asked.Equal(t.SentAt) {
			times = append(times, e.Asked)
		}
	}
	if !t.SentAt.IsZero() {
		times = append(times, t.SentAt)
	}
	return times
}

// evidenceEntry tells a piece of evidence without the partner's bytes. The reason is told only where the partner gave a
// verdict: elsewhere it may be the text of an error of ours.
func evidenceEntry(e verdict.Evidence) entry {
	told := entry{At: e.At, Kind: string(e.Source), Outcome: e.Outcome, Conflict: e.Conflict}
	if e.Outcome == verdict.OutcomeSucceeded || e.Outcome == verdict.OutcomeFailed {
		told.Reason = e.Reason
	}
	if !e.Asked.IsZero() {
		took := max(0, e.At.Sub(e.Asked).Milliseconds())
		told.TookMS = &took
	}
	return told
}
