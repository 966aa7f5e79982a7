package storetest

import (
	"sync"
	"testing"
	"time"

	"verdict"
)

var claiming = []promise{
	{"what was due when it was committed is the committer's for a lease", committersClaim},
	{"what is due later can't be claimed before", notBeforeDue},
	{"the outbox holds the command of the last change", followsTheCommand},
	{"claims last as long as the command was due, within bounds", claimsGrow},
	{"what is due longest comes first", longestDueFirst},
	{"it tells since when commands are due, by rank and lane", dueByRank},
	{"a claim is of one provider and one kind", oneLane},
	{"of concurrent claimers one gets a command", oneClaims},
	{"a claim that is given back can be claimed at once", givenBack},
	{"what has changed since its claim isn't given back", changedSince},
	{"a change ends the claim on the command before it", changeEndsClaim},
}

// The lanes of the provider that accepted transactions have.
var (
	submits = verdict.Lane{Provider: "partner", Kind: verdict.Submit}
	checks  = verdict.Lane{Provider: "partner", Kind: verdict.Check}
)

// claims checks what can be claimed at a time: commands of one kind.
func claims(t *testing.T, s verdict.Store, at time.Time, want ...verdict.Command) {
	t.Helper()
	for _, lane := range []verdict.Lane{submits, checks} {
		var inLane []verdict.Command
		for _, command := range want {
			if command.Kind == lane.Kind {
				inLane = append(inLane, command)
			}
		}
		got, err := s.ClaimDue(t.Context(), lane, at, 100)
		if len(got) == 0 && len(inLane) == 0 {
			got, inLane = nil, nil
		}
		equal(t, "claimed "+string(lane.Kind), got, err, inLane)
	}
}

func committersClaim(t *testing.T, s verdict.Store) {
	before := time.Now()
	given := create(t, s, accepted("owner", 1, before))
	after := time.Now()
	command, _ := given.Command()
	claims(t, s, before.Add(verdict.Lease-time.Nanosecond))
	claims(t, s, after.Add(verdict.Lease), command)
}

func givenBack(t *testing.T, s verdict.Store) {
	now := time.Now()
	first, second := create(t, s, accepted("owner", 1, now.Add(time.Hour))), create(t, s, accepted("owner", 2, now.Add(time.Hour)))
	one, _ := first.Command()
	two, _ := second.Command()
	at := now.Add(2 * time.Hour)
	claims(t, s, at, one, two)
	if err := s.Unclaim(t.Context(), []verdict.Command{two, {Transaction: "nobody", Version: 1}}); err != nil {
		t.Fatal(err)
	}
	claims(t, s, now.Add(time.Hour-time.Nanosecond)) // it isn't due any earlier for that
	claims(t, s, at, two)
	if err := s.Unclaim(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func changedSince(t *testing.T, s verdict.Store) {
	now := time.Now()
	given := create(t, s, accepted("owner", 1, now.Add(time.Hour)))
	command, _ := given.Command()
	at := now.Add(2 * time.Hour)
	claims(t, s, at, command)
	next := given.Postpone(now.Add(time.Hour))
	next = replace(t, s, next, nil)
	newer, _ := next.Command()
	claims(t, s, at, newer)
	if err := s.Unclaim(t.Context(), []verdict.Command{command}); err != nil {
		t.Fatal(err)
	}
	claims(t, s, at)
}

func notBeforeDue(t *testing.T, s verdict.Store) {
	given := create(t, s, accepted("owner", 1, time.Now().Add(time.Hour)))
	later := create(t, s, accepted("owner", 2, given.Due.Add(time.Nanosecond)))
	first, _ := given.Command()
	second, _ := later.Command()
	claims(t, s, given.Due.Add(-time.Nanosecond))
	claims(t, s, given.Due, first)
	claims(t, s, later.Due, second)
}

func followsTheCommand(t *testing.T, s verdict.Store) {
	now := time.Now()
	state := create(t, s, accepted("owner", 1, now))
	far := now
	follows := func() {
		t.Helper()
		far = far.Add(24 * time.Hour) // past any claim and any check
		if command, ok := state.Command(); ok {
			claims(t, s, far, command)
		} else {
			claims(t, s, far)
		}
	}
	follows()
	state = replace(t, s, state.Send(policy(), now), nil)
	follows()
	for state.Stage != verdict.StageReview && !t.Failed() {
		now = state.Due
		e := verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending, Asked: now, At: now}
		state = replace(t, s, state.Weigh(e, policy()), &e)
		follows()
	}
	e := settledBy(now)
	state = replace(t, s, state.Weigh(e, policy()), &e)
	follows()

	settled := settle(t, s, accepted("owner", 2, now)) // straight from a stage that has a command
	if _, ok := settled.Command(); ok {
		t.Errorf("a settled transaction has a command: %+v", settled)
	}
	follows()
}

func claimsGrow(t *testing.T, s verdict.Store) {
	since := plain(time.Now().Add(time.Hour))
	given := create(t, s, accepted("owner", 1, since))
	command, _ := given.Command()
	late := since
	for _, claim := range []time.Duration{
		verdict.Lease,    // due for 0 s
		verdict.Lease,    // 15 s
		30 * time.Second, // 30 s
		time.Minute,      // 60 s
		2 * time.Minute,  // 120 s
		4 * time.Minute,  // 240 s
		verdict.MaxClaim, // 480 s
		verdict.MaxClaim, // 780 s
	} {
		claims(t, s, late, command)
		late = late.Add(claim)
		claims(t, s, late.Add(-time.Nanosecond))
	}
}

func longestDueFirst(t *testing.T, s verdict.Store) {
	due := time.Now().Add(time.Hour)
	var want []verdict.Command
	for _, n := range []int{3, 1, 4, 0, 2} {
		create(t, s, accepted("owner", n, due.Add(time.Duration(n))))
	}
	for n := range 5 {
		command, _ := accepted("owner", n, due).Command()
		want = append(want, command)
	}
	got, err := s.ClaimDue(t.Context(), submits, due.Add(10), 2)
	equal(t, "the first two", got, err, want[:2])
	claims(t, s, due.Add(10), want[2:]...)

	// All claims end, and new work has come meanwhile: what was due first is still due longest.
	create(t, s, accepted("owner", 5, due.Add(time.Minute)))
	command, _ := accepted("owner", 5, due).Command()
	claims(t, s, due.Add(2*time.Minute), append(want, command)...)
	if got, err := s.ClaimDue(t.Context(), submits, due.Add(time.Hour), 0); len(got) != 0 || err != nil {
		t.Errorf("at most none: %v, error %v", got, err)
	}
}

func dueByRank(t *testing.T, s verdict.Store) {
	first := time.Now().Add(-time.Hour)
	since := func(lane verdict.Lane, rank int, want time.Time) {
		t.Helper()
		got, err := s.DueSince(t.Context(), lane, rank)
		if err != nil || !got.Equal(want) {
			t.Errorf("rank %d: %s, error %v, want %s", rank, got, err, want)
		}
	}
	since(submits, 0, time.Time{})
	for _, n := range []int{1, 0, 2} {
		create(t, s, accepted("owner", n, first.Add(time.Duration(n)*time.Hour)))
	}
	check := func() {
		t.Helper()
		since(submits, 0, first)
		since(submits, 1, first.Add(time.Hour))
		since(submits, 2, first.Add(2*time.Hour))
		since(submits, 3, time.Time{})
		since(checks, 0, time.Time{})
		since(verdict.Lane{Provider: "another", Kind: verdict.Submit}, 0, time.Time{})
	}
	check()
	if _, err := s.ClaimDue(t.Context(), submits, time.Now().Add(verdict.MaxClaim), 100); err != nil {
		t.Error(err)
	}
	check()
}

func oneLane(t *testing.T, s verdict.Store) {
	now := time.Now()
	var states []verdict.Transaction
	for n, provider := range []string{"partner", "another"} {
		given := accepted("owner", n, now)
		given.Provider = provider
		states = append(states, create(t, s, given), sent(t, s, provider, n, now))
	}
	far := now.Add(time.Hour)
	for _, lane := range []verdict.Lane{{Provider: "another"}, {Kind: verdict.Check}, {Provider: "nobody", Kind: verdict.Check}, {}} {
		if got, err := s.ClaimDue(t.Context(), lane, far, 10); len(got) != 0 || err != nil {
			t.Errorf("claimed in lane %+v: %+v, error %v", lane, got, err)
		}
	}
	for _, command := range commands(states...) {
		got, err := s.ClaimDue(t.Context(), verdict.Lane{Provider: command.Provider, Kind: command.Kind}, far, 10)
		equal(t, "claimed", got, err, []verdict.Command{command})
	}
}

func oneClaims(t *testing.T, s verdict.Store) {
	const commands, claimers = 60, 8
	due := time.Now().Add(time.Hour)
	together(commands, func(i int) { create(t, s, accepted("owner", i, due)) })
	var mu sync.Mutex
	claimed := map[string]int{}
	together(claimers, func(int) {
		for {
			got, err := s.ClaimDue(t.Context(), submits, due, 7)
			if err != nil {
				t.Errorf("claim: %v", err)
			}
			if len(got) == 0 {
				return
			}
			mu.Lock()
			for _, command := range got {
				claimed[command.Transaction]++
			}
			mu.Unlock()
		}
	})
	if len(claimed) != commands {
		t.Errorf("%d of %d commands were claimed", len(claimed), commands)
	}
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed by %d", id, n)
		}
	}
}

func changeEndsClaim(t *testing.T, s verdict.Store) {
	due := plain(time.Now().Add(time.Hour))
	given := create(t, s, accepted("owner", 1, due))
	command, _ := given.Command()
	claims(t, s, due.Add(time.Hour), command) // claimed for MaxClaim
	marked := replace(t, s, given.Send(policy(), due), nil)
	command, _ = marked.Command()
	claims(t, s, marked.Due.Add(-time.Nanosecond))
	claims(t, s, marked.Due, command)
	claims(t, s, marked.Due.Add(verdict.Lease), command) // counted from the new command's time
}
