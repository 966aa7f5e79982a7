package storetest

import (
	"cmp"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"verdict"
)

var replacing = []promise{
	{"each state of a life replaces the one before it", wholeLife},
	{"each part of a state that may change is replaced", eachPart},
	{"a stale version changes nothing", staleVersion},
	{"of concurrent changes one wins each version", oneWinsEachVersion},
	{"each verdict of an audience follows the one before it", verdictsOfAnAudienceFollowEachOther},
	{"a change and its evidence are one", changeWithEvidence},
	{"what was said against a verdict before becomes a conflict with it, whatever settles", contradictedBefore},
}

func wholeLife(t *testing.T, s verdict.Store) {
	now := time.Now()
	state := create(t, s, accepted("owner", 1, now))
	standsAs(t, s, state)
	for _, e := range []verdict.Evidence{
		{Source: verdict.SourceReply, Outcome: verdict.OutcomeUnknown, Reason: "504"},
		{Source: verdict.SourceCheck, Outcome: verdict.OutcomePending},
		{Source: verdict.SourceCheck, Outcome: verdict.OutcomeFailed, Reason: "declined"},
	} {
		if state.Stage == verdict.StageAccepted {
			state = changed(t, s, state.Send(policy(), now), nil)
		}
		now = now.Add(time.Minute + time.Nanosecond)
		e.Asked, e.At = state.SentAt, now
		state = changed(t, s, state.Weigh(e, policy()), &e)
	}
	if state.Status != verdict.Failed || state.Reason != "declined" || state.SettledAt != plain(now) {
		t.Errorf("ended as %+v", state)
	}
}

// changed replaces a state, and checks that it is stored as given but for its number, which grows.
func changed(t *testing.T, s verdict.Store, next verdict.Transaction, e *verdict.Evidence) verdict.Transaction {
	t.Helper()
	stored := replace(t, s, next, e)
	if stored.EventID <= next.EventID {
		t.Errorf("version %d has event id %d, the version before it %d", next.Version, stored.EventID, next.EventID)
	}
	want := next
	want.EventID = stored.EventID
	want.Due, want.SentAt = plain(next.Due), plain(next.SentAt)
	want.CheckedAt, want.SettledAt = plain(next.CheckedAt), plain(next.SettledAt)
	equal(t, "stored", stored, nil, want)
	standsAs(t, s, want)
	return stored
}

func eachPart(t *testing.T, s verdict.Store) {
	full := create(t, s, exotic())
	empty := full
	empty.Version++
	empty.Status, empty.Stage, empty.Reason, empty.Reference = verdict.Failed, verdict.StageAccepted, "", ""
	empty.Sends, empty.Checks, empty.Answered, empty.Watched = 0, 0, false, false
	empty.Due, empty.SentAt, empty.CheckedAt, empty.SettledAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	full.Version, full.EventID = 3, changed(t, s, empty, nil).EventID
	changed(t, s, full, nil)
}

func staleVersion(t *testing.T, s verdict.Store) {
	first := create(t, s, accepted("owner", 1, time.Now()))
	standing := replace(t, s, first.Send(policy(), time.Now()), nil)
	record(t, s, standing.ID, verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed})
	told := history(t, s, standing.ID)
	last := lastEventID(t, s)

	ahead := standing
	ahead.Version += 2
	unknown := accepted("another", 1, time.Now())
	unknown.Version = 2
	for name, next := range map[string]verdict.Transaction{
		"a version that was replaced": first.Weigh(settledBy(time.Now()), policy()),
		"the version that stands":     standing,
		"a version too far":           ahead,
		"an unknown transaction":      unknown,
	} {
		e := settledBy(time.Now())
		_, err := s.Replace(t.Context(), next, &e)
		is(t, name, err, verdict.ErrStale)
	}
	standsAs(t, s, standing)
	equal(t, "history after stale changes", history(t, s, standing.ID), nil, told)
	if now := lastEventID(t, s); now != last {
		t.Errorf("the last event id went from %d to %d", last, now)
	}
	command, _ := standing.Command()
	claims(t, s, standing.Due, command)
}

func oneWinsEachVersion(t *testing.T, s verdict.Store) {
	const writers, versions = 16, 20
	given := create(t, s, accepted("owner", 1, time.Now()))
	var wins [versions + 2]atomic.Int64
	together(writers, func(int) {
		for {
			state, err := s.Transaction(t.Context(), given.ID)
			if err != nil {
				t.Errorf("read: %v", err)
				return
			}
			if state.Version > versions {
				return
			}
			e := verdict.Evidence{Source: verdict.SourceReply, Outcome: verdict.OutcomePending, At: time.Now()}
			stored, err := s.Replace(t.Context(), state.Weigh(e, policy()), &e)
			if err == nil {
				wins[stored.Version].Add(1)
			} else if !errors.Is(err, verdict.ErrStale) {
				t.Errorf("replace: %v", err)
				return
			}
		}
	})
	for version := 2; version <= versions+1; version++ {
		if n := wins[version].Load(); n != 1 {
			t.Errorf("version %d was won by %d writers", version, n)
		}
	}
	if found := history(t, s, given.ID); len(found) != versions {
		t.Errorf("%d pieces of evidence for %d changes", len(found), versions)
	}
}

// Also where they share a commit, with stale ones among them and with changes that settle nothing: who is told one after the
// other can tell that there is none between.
func verdictsOfAnAudienceFollowEachOther(t *testing.T, s verdict.Store) {
	const each, tries = 40, 2
	owners := []string{"ama", "kofi", "yao"}
	var given []verdict.Transaction
	for n := range each * len(owners) {
		given = append(given, create(t, s, accepted(owners[n%len(owners)], n, time.Now())))
	}
	stored := make([]verdict.Transaction, tries*len(given))
	together(len(stored), func(i int) {
		next, e := given[i/tries], settledBy(time.Now())
		if i/tries%4 > 0 {
			next = next.Weigh(e, policy())
		} else {
			next.Version++
		}
		var err error
		if stored[i], err = s.Replace(t.Context(), next, nil); err != nil && !errors.Is(err, verdict.ErrStale) {
			t.Errorf("replace: %v", err)
		}
	})
	slices.SortFunc(stored, func(a, b verdict.Transaction) int { return cmp.Compare(a.EventID, b.EventID) })
	last := map[string]int64{}
	for _, n := range stored {
		if n.Settled() && n.Follows != last[n.Owner] || !n.Settled() && n.Follows != 0 {
			t.Errorf("%s %d of %s follows %d, want %d", n.Stage, n.EventID, n.Owner, n.Follows, last[n.Owner])
		}
		if n.Settled() {
			last[n.Owner] = n.EventID
		}
	}
}

func changeWithEvidence(t *testing.T, s verdict.Store) {
	e := settledBy(plain(time.Now()))
	settled := settle(t, s, accepted("owner", 1, time.Now()))
	found := history(t, s, settled.ID)
	if len(found) != 1 || found[0].Source != e.Source || found[0].Outcome != e.Outcome || found[0].At != settled.SettledAt {
		t.Errorf("evidence %+v of %+v", found, settled)
	}
}

func contradictedBefore(t *testing.T, s verdict.Store) {
	sent := plain(time.Now())
	later := sent.Add(time.Hour)
	for n, test := range []struct {
		settles verdict.Evidence
		against verdict.Outcome
	}{
		{verdict.Evidence{Source: verdict.SourceReply, Outcome: verdict.OutcomeFailed}, verdict.OutcomeSucceeded},
		{verdict.Evidence{Source: verdict.SourceWebhook, Outcome: verdict.OutcomeFailed, Raw: []byte("no")}, verdict.OutcomeSucceeded},
		{verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeSucceeded}, verdict.OutcomeFailed},
		{verdict.Evidence{Source: verdict.SourceCheck, Outcome: verdict.OutcomeNotFound}, verdict.OutcomeSucceeded}, // so late it means failed
		{verdict.Evidence{Source: verdict.SourceOperator, Outcome: verdict.OutcomeSucceeded}, verdict.OutcomeFailed},
	} {
		state := replace(t, s, create(t, s, accepted("owner", n, sent)).Send(policy(), sent), nil)
		var want []verdict.Evidence
		for _, o := range []verdict.Outcome{
			verdict.OutcomeSucceeded, verdict.OutcomeFailed, verdict.OutcomePending, verdict.OutcomeNotFound, verdict.OutcomeUnknown, verdict.OutcomeNotSent,
		} {
			e := verdict.Evidence{Source: verdict.SourceWebhook, Outcome: o, At: sent, Raw: []byte(o)}
			record(t, s, state.ID, e)
			e.Conflict = o == test.against
			want = append(want, e)
		}
		e := test.settles
		e.Asked, e.At = later, later
		changed(t, s, state.Weigh(e, policy()), &e)
		equal(t, string(e.Source)+" that settles", history(t, s, state.ID), nil, append(want, e))
	}
}
