package storetest

import (
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"verdict"
)

func (m *model) ask(r *rapid.T) {
	i := m.pick(r)
	state := m.standing[i]
	if command, _ := state.Command(); command.Kind != verdict.Check {
		r.Skip("there is nothing to check")
	}
	now := plain(time.Now()).Add(time.Duration(rapid.IntRange(0, 120).Draw(r, "seconds")) * time.Second)
	b := drawBudget(r)
	next := state.Ask(now)
	before := time.Now()
	got, gotTurn, err := m.store.Ask(r.Context(), next, b, now)
	after, turn, refusal := m.partners[state.Provider].Pace.Take(b, now)
	if paced, ok := errors.AsType[*verdict.PacedError](refusal); ok {
		m.paced(r, state.ID, err, paced.Until)
		return
	}
	m.keep(r, i, next, got, before, err)
	m.same(r, err, gotTurn, turn)
	m.keepPace(state.Provider, after)
}

// paced checks that a check has no turn before that time, and has its command wait.
func (m *model) paced(r *rapid.T, id string, err error, until time.Time) {
	got, ok := errors.AsType[*verdict.PacedError](err)
	if !ok {
		r.Fatalf("error %v, want no turn before %s", err, until)
	}
	m.same(r, nil, got.Until, until)
	waits := m.steps[id]
	if until.Before(waits.since) {
		until = waits.since
	}
	waits.from, waits.surely = until, until
	m.steps[id] = waits
}

func drawBudget(r *rapid.T) verdict.Budget {
	limit := rapid.IntRange(1, 20).Draw(r, "checks")
	return verdict.Budget{
		Limit: limit, Burst: rapid.IntRange(1, limit).Draw(r, "burst"),
		Window: time.Duration(rapid.IntRange(1, 60).Draw(r, "window")) * time.Second,
	}
}

func (m *model) keepPace(provider string, p verdict.Pace) {
	known := m.partners[provider]
	known.Pace = p
	m.partners[provider] = known
}

func (m *model) learn(r *rapid.T) {
	provider := rapid.SampledFrom(providers).Draw(r, "provider")
	seen := lesson(rapid.IntRange(0, 9).Draw(r, "opened"), rapid.IntRange(0, 200).Draw(r, "up to"), time.Now())
	m.same(r, m.store.Learn(r.Context(), provider, seen), nil, nil)
	seen.At = plain(seen.At)
	known := m.partners[provider]
	known.Learned = known.Learned.Add(seen)
	m.partners[provider] = known
}

func (m *model) checkPartners(r *rapid.T) {
	var waiting []string
	for _, name := range providers {
		known, err := m.store.Partner(r.Context(), name)
		m.same(r, err, known, m.partners[name])
		for _, next := range m.steps {
			if next.command.Provider == name && !slices.Contains(waiting, name) {
				waiting = append(waiting, name)
			}
		}
	}
	got, err := m.store.Waiting(r.Context())
	m.same(r, err, append([]string(nil), got...), waiting)
}
