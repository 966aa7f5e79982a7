package storetest

import (
	"cmp"
	"slices"
	"time"

	"pgregory.net/rapid"

	"verdict"
)

func (m *model) deliver(r *rapid.T) {
	deliveries := rapid.SliceOfN(rapid.Custom(m.drawDelivery), 0, 4).Draw(r, "deliveries")
	m.same(r, m.store.Deliver(r.Context(), deliveries), nil, nil)
	for _, d := range deliveries {
		i := slices.IndexFunc(m.standing, func(t verdict.Transaction) bool { return t.ID == d.Transaction })
		if i >= 0 && m.standing[i].Settled() {
			t := &m.standing[i]
			t.ToldAt, t.ConfirmedAt = cmp.Or(t.ToldAt, d.Told), cmp.Or(t.ConfirmedAt, d.Confirmed)
		}
	}
}

func (m *model) drawDelivery(r *rapid.T) verdict.Delivery {
	ids := []string{"nobody"}
	for _, t := range m.standing {
		ids = append(ids, t.ID)
	}
	at := func(label string) time.Time {
		return rapid.SampledFrom([]time.Time{{}, time.Unix(1800000000, 1).UTC(), time.Unix(1800000001, 0).UTC()}).Draw(r, label)
	}
	return verdict.Delivery{Transaction: rapid.SampledFrom(ids).Draw(r, "transaction"), Told: at("told"), Confirmed: at("confirmed")}
}

func (m *model) unconfirmed(r *rapid.T) {
	after, until := rapid.Int64Range(0, m.last).Draw(r, "after"), rapid.Int64Range(0, m.last+1).Draw(r, "until")
	limit := rapid.IntRange(0, 5).Draw(r, "limit")
	audience := verdict.Audience{Tenant: "tenant", Owner: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(r, "owner")}
	want := []verdict.Transaction{}
	for _, t := range m.standing {
		if t.Settled() && t.ConfirmedAt.IsZero() && t.EventID > after && t.EventID <= until && t.Audience() == audience {
			want = append(want, t)
		}
	}
	slices.SortFunc(want, func(a, b verdict.Transaction) int { return cmp.Compare(a.EventID, b.EventID) })
	got, err := m.store.Unconfirmed(r.Context(), audience, after, until, limit)
	m.same(r, err, append([]verdict.Transaction{}, got...), want[:min(limit, len(want))])
}

func (m *model) spend(r *rapid.T) {
	name := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(r, "name")
	until := time.Now().Add(time.Duration(rapid.SampledFrom([]int{-1, 1}).Draw(r, "hours")) * time.Hour)
	first, err := m.store.Spend(r.Context(), name, until)
	want := !m.spent[name] && time.Now().Before(until)
	m.same(r, err, first, want)
	m.spent[name] = m.spent[name] || want
}
