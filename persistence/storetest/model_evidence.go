package storetest

import (
	"bytes"
	"slices"
	"time"

	"pgregory.net/rapid"

	"verdict"
)

func drawEvidence(r *rapid.T, t verdict.Transaction, now time.Time) verdict.Evidence {
	return verdict.Evidence{
		Source: rapid.SampledFrom([]verdict.Source{verdict.SourceReply, verdict.SourceWebhook, verdict.SourceCheck}).Draw(r, "source"),
		Outcome: rapid.SampledFrom([]verdict.Outcome{
			verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending, verdict.OutcomeNotFound,
			verdict.OutcomeUnknown, verdict.OutcomeNotSent,
		}).Draw(r, "outcome"),
		Reason: rapid.String().Draw(r, "reason"),
		Asked:  t.SentAt,
		At:     now,
		Wait:   time.Duration(rapid.IntRange(0, 3).Draw(r, "wait")) * time.Minute,
		Raw:    rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(r, "raw"),
	}
}

func (m *model) record(r *rapid.T) {
	t := m.standing[m.pick(r)]
	e := drawEvidence(r, t, time.Now())
	e.Conflict = t.Contradicts(e)
	m.same(r, m.store.Record(r.Context(), t.ID, e), nil, nil)
	m.keepEvidence(t, e)
}

func (m *model) keepEvidence(t verdict.Transaction, e verdict.Evidence) {
	e.Asked, e.At = plain(e.Asked), plain(e.At)
	for _, kept := range m.evidence[t.ID] {
		if e.Source == verdict.SourceWebhook && kept.Source == e.Source && bytes.Equal(kept.Raw, e.Raw) {
			return
		}
	}
	m.evidence[t.ID] = append(m.evidence[t.ID], e)
	m.pieces = append(m.pieces, t.ID)
	m.keepPace(t.Provider, m.partners[t.Provider].Pace.After(e))
}

// contradict makes conflicts of what is on record against a verdict.
func (m *model) contradict(t verdict.Transaction) {
	for i, e := range m.evidence[t.ID] {
		m.evidence[t.ID][i].Conflict = e.Conflict || t.Contradicts(e)
	}
}

// checkConflicts compares what is listed as contradictions, whose numbers must grow, and how many are counted.
func (m *model) checkConflicts(r *rapid.T) {
	got, err := m.store.Conflicts(r.Context(), 0, len(m.pieces))
	want, last := []verdict.Conflict{}, int64(0)
	for i, c := range got {
		if c.Number <= last {
			r.Fatalf("conflict %d came after %d", c.Number, last)
		}
		last, got[i].Number = c.Number, 0
	}
	read := map[string]int{}
	for _, id := range m.pieces {
		if e := m.evidence[id][read[id]]; e.Conflict {
			want = append(want, verdict.Conflict{Transaction: m.transaction(id), Evidence: e})
		}
		read[id]++
	}
	m.same(r, err, append([]verdict.Conflict{}, got...), want)
	counted, err := m.store.Backlog(r.Context(), time.Now())
	m.same(r, err, counted.Conflicts, len(want))
}

func (m *model) transaction(id string) verdict.Transaction {
	return m.standing[slices.IndexFunc(m.standing, func(t verdict.Transaction) bool { return t.ID == id })]
}
