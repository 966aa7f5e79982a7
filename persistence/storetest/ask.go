package storetest

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"verdict"
)

var asking = []promise{
	{"a check takes its turn with its claim", turnWithClaim},
	{"a stale version takes no turn", staleTakesNoTurn},
	{"without a turn nothing changes but that the command waits for it", waitsForTurn},
	{"a command that is due after the turn is not due before", staysDue},
	{"the turns of concurrent checks keep to the budget", turnsKeepToBudget},
	{"a refusal closes the pace of its provider, and an answered check opens it", refusalCloses},
	{"evidence that isn't kept leaves the pace", notKept},
}

// budget allows a check every 6.1 s.
var budget = verdict.Budget{Limit: 10, Window: time.Minute, Burst: 1}

// sent returns the n-th transaction of a provider, sent at that time.
func sent(t *testing.T, s verdict.Store, provider string, n int, at time.Time) verdict.Transaction {
	t.Helper()
	given := accepted(provider, n, at)
	given.Provider = provider
	return replace(t, s, create(t, s, given).Send(policy(), at), nil)
}

// ask has a transaction take the claim and the turn of a check, and checks that both are stored. It returns the pace.
func ask(t *testing.T, s verdict.Store, state verdict.Transaction, now time.Time) verdict.Pace {
	t.Helper()
	known, err := s.Partner(t.Context(), state.Provider)
	if err != nil {
		t.Errorf("partner: %v", err)
	}
	pace, wantTurn, err := known.Pace.Take(budget, plain(now))
	if err != nil {
		t.Errorf("no turn: %v", err)
	}
	want := state.Ask(plain(now))
	got, turn, err := s.Ask(t.Context(), state.Ask(now), budget, now)
	want.EventID = got.EventID
	equal(t, "asked", got, err, want)
	equal(t, "turn", turn, err, wantTurn)
	standsAs(t, s, want)
	known.Pace = pace
	knows(t, s, state.Provider, known)
	return pace
}

// noTurn has a check ask for a turn that there isn't yet, and returns when there is one.
func noTurn(t *testing.T, s verdict.Store, state verdict.Transaction, now time.Time) time.Time {
	t.Helper()
	_, _, err := s.Ask(t.Context(), state.Ask(now), budget, now)
	return until(t, err)
}

// until is the time in a *verdict.PacedError.
func until(t *testing.T, err error) time.Time {
	t.Helper()
	paced, ok := errors.AsType[*verdict.PacedError](err)
	if !ok {
		t.Errorf("error %v, want a *PacedError", err)
		return time.Time{}
	}
	return paced.Until
}

func turnWithClaim(t *testing.T, s verdict.Store) {
	now := abroad(time.Now()) // with a monotonic clock
	state := sent(t, s, "partner", 1, now)
	last := lastEventID(t, s)
	ask(t, s, state, now)
	if lastEventID(t, s) <= last {
		t.Errorf("the last event id stayed %d", last)
	}
	if found := history(t, s, state.ID); len(found) != 0 {
		t.Errorf("a claim left evidence: %+v", found)
	}
	claimed := state.Ask(now)
	command, _ := claimed.Command()
	claims(t, s, claimed.Due.Add(-time.Nanosecond))
	claims(t, s, claimed.Due, command)
	ask(t, s, sent(t, s, "another", 1, now), now) // whose turns are its own
}

func staleTakesNoTurn(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	state, other := sent(t, s, "partner", 1, now), sent(t, s, "partner", 2, now)
	stale := func(now time.Time) {
		t.Helper()
		last := lastEventID(t, s)
		ahead := state.Ask(now)
		ahead.Version++
		unknown := accepted("unknown", 1, now)
		for _, next := range []verdict.Transaction{state, ahead, unknown} {
			_, _, err := s.Ask(t.Context(), next, budget, now)
			is(t, "ask", err, verdict.ErrStale)
		}
		standsAs(t, s, state)
		if after := lastEventID(t, s); after != last {
			t.Errorf("the last event id went from %d to %d", last, after)
		}
	}
	stale(now)
	knows(t, s, "partner", verdict.Partner{})
	pace := ask(t, s, other, state.Due)
	stale(state.Due) // when there is no turn either
	knows(t, s, "partner", verdict.Partner{Pace: pace})
	command, _ := state.Command()
	claims(t, s, state.Due, command)
}

func waitsForTurn(t *testing.T, s verdict.Store) {
	sentAt := plain(time.Now())
	first, second := sent(t, s, "partner", 1, sentAt), sent(t, s, "partner", 2, sentAt)
	third := sent(t, s, "partner", 3, sentAt.Add(time.Nanosecond))
	now := second.Due
	pace := ask(t, s, first, now)
	command, _ := second.Command()
	claims(t, s, now, command) // for a lease, which is longer than until the turn
	last := lastEventID(t, s)

	_, _, want := pace.Take(budget, now)
	turn := noTurn(t, s, second, now)
	equal(t, "the next turn", turn, nil, until(t, want))
	standsAs(t, s, second)
	knows(t, s, "partner", verdict.Partner{Pace: pace})
	if after := lastEventID(t, s); after != last {
		t.Errorf("the last event id went from %d to %d", last, after)
	}
	claims(t, s, turn.Add(-time.Nanosecond), commands(third)...)
	claims(t, s, turn, command)
	claims(t, s, turn.Add(time.Hour), commands(second, third, first.Ask(now))...) // as long due as before
}

// commands are the next steps of transactions.
func commands(states ...verdict.Transaction) (next []verdict.Command) {
	for _, state := range states {
		command, _ := state.Command()
		next = append(next, command)
	}
	return next
}

func staysDue(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	first, second := sent(t, s, "partner", 1, now), sent(t, s, "partner", 2, now)
	ask(t, s, first, now)
	if turn := noTurn(t, s, second, now); !turn.Before(second.Due) {
		t.Fatalf("the turn is at %s, the command due at %s", turn, second.Due)
	}
	got, err := s.ClaimDue(t.Context(), checks, second.Due.Add(-time.Nanosecond), 10)
	equal(t, "claimed before it is due", got, err, commands(first.Ask(now)))
	claims(t, s, second.Due, commands(second)...)
}

// turnsKeepToBudget: even if a check leaves as late as it may and later ones leave as early as they may.
func turnsKeepToBudget(t *testing.T, s verdict.Store) {
	const callers, each = 8, 6
	b := verdict.Budget{Limit: 5, Window: 10 * time.Second, Burst: 2}
	begin := plain(time.Now())
	var mu sync.Mutex
	var turns []verdict.Turn
	together(callers, func(i int) {
		now := begin // by the caller's own clock
		for n := range each {
			state := sent(t, s, "partner", i*each+n, now)
			_, turn, err := s.Ask(t.Context(), state.Ask(now), b, now)
			for err != nil && !t.Failed() {
				now = until(t, err)
				_, turn, err = s.Ask(t.Context(), state.Ask(now), b, now)
			}
			mu.Lock()
			turns = append(turns, turn)
			mu.Unlock()
		}
	})
	slices.SortFunc(turns, func(x, y verdict.Turn) int { return x.At.Compare(y.At) })
	for n, turn := range turns[:len(turns)-b.Limit] {
		if next := turns[n+b.Limit]; next.At.Sub(turn.By) < b.Window {
			t.Errorf("%d checks after the one until %s leaves another from %s on", b.Limit, turn.By, next.At)
		}
	}
	last := begin.Add((callers*each - 2) * b.Interval()) // the first two are the burst
	equal(t, "the last turn, if none is lost", turns[len(turns)-1].At, nil, last)
}

func refusalCloses(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	byReplace := func(state verdict.Transaction, e verdict.Evidence) {
		replace(t, s, state.Weigh(e, policy()), &e)
	}
	byRecord := func(state verdict.Transaction, e verdict.Evidence) {
		if err := s.Record(t.Context(), state.ID, e); err != nil {
			t.Errorf("record: %v", err)
		}
	}
	for provider, keep := range map[string]func(verdict.Transaction, verdict.Evidence){"x": byReplace, "y": byRecord} {
		other := sent(t, s, provider, 1, now)
		pace := ask(t, s, sent(t, s, provider, 2, now), now)
		refusal := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeUnknown, Asked: now, At: now, Wait: time.Minute}
		pace = pace.After(refusal)
		refusal.At = abroad(refusal.At)
		keep(sent(t, s, provider, 3, now), refusal)
		knows(t, s, provider, verdict.Partner{Pace: pace})
		equal(t, "the next turn", noTurn(t, s, other, now), nil, pace.Closed)

		for n, asked := range []time.Time{now, pace.Closed} { // one that was under way at the refusal, and one after the pause
			answer := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, Asked: asked, At: pace.Closed}
			keep(sent(t, s, provider, 4+n, now), answer)
			knows(t, s, provider, verdict.Partner{Pace: pace.After(answer)})
		}
		ask(t, s, other, now.Add(2*time.Minute))
	}
	knows(t, s, "partner", verdict.Partner{})
}

func notKept(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	state := sent(t, s, "partner", 1, now)
	refusal := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeUnknown, At: now, Wait: time.Minute, Raw: []byte("no")}
	_, err := s.Replace(t.Context(), state, &refusal)
	is(t, "replace", err, verdict.ErrStale)
	is(t, "record", s.Record(t.Context(), "nobody", refusal), verdict.ErrNotFound)
	knows(t, s, "partner", verdict.Partner{})
	for range 2 { // the same webhook again
		if err := s.Record(t.Context(), state.ID, refusal); err != nil {
			t.Errorf("record: %v", err)
		}
	}
	knows(t, s, "partner", verdict.Partner{Pace: verdict.Pace{}.After(refusal)})
}
