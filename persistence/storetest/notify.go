package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"verdict"
)

var notifying = []promise{
	{"an endpoint is told what is settled after it was added, once and in order", toldFromThenOn},
	{"an endpoint is told of one tenant, or of all", toldOfOneTenant},
	{"nothing is made a notice for an endpoint that wasn't added", toldNobody},
	{"of concurrent enlistings each verdict becomes one notice", oneNotice},
	{"a claimed notice can't be claimed before its lease has ended", noticeLeased},
	{"the longest due are claimed first, within bounds", longestDueNotices},
	{"of concurrent claimers one gets a notice", oneClaimsNotice},
	{"a notice is replaced once a version, and read back just so", noticeReplaced},
	{"notices are listed by state and endpoint, in order and within bounds", noticesListed},
	{"nothing is claimed while an endpoint is closed", endpointCloses},
	{"an endpoint that is closed for longer stays so", endpointStaysClosed},
	{"an endpoint that is dropped takes what it wasn't told along, within bounds", endpointDropped},
	{"what was told stays on record when its endpoint is dropped", toldStays},
	{"a dropped endpoint that is added again is new", droppedAddedAgain},
	{"endpoints tell what is pending and what was given up", endpointsCount},
}

const backend = "backend"

func addEndpoints(t *testing.T, s verdict.Store, names ...string) {
	t.Helper()
	for _, name := range names {
		is(t, "add "+name, s.AddEndpoint(t.Context(), name), nil)
	}
}

func enlists(t *testing.T, s verdict.Store, endpoint, tenant string, limit, want int) {
	t.Helper()
	passed, err := s.Enlist(t.Context(), endpoint, tenant, limit)
	equal(t, "verdicts passed by "+endpoint, passed, err, want)
}

// enlisted returns the notices of n transactions that were settled one after the other, a second apart, the first at the time given.
func enlisted(t *testing.T, s verdict.Store, n int, at time.Time) (notices []verdict.Notice) {
	t.Helper()
	addEndpoints(t, s, backend)
	for i := range n {
		e := settledBy(at.Add(time.Duration(i) * time.Second))
		replace(t, s, create(t, s, accepted("owner", i, at)).Weigh(e, policy()), &e)
	}
	enlists(t, s, backend, "", n+1, n)
	for i := range n {
		of, err := s.NoticesOf(t.Context(), fmt.Sprintf("owner-%d", i))
		if err != nil || len(of) != 1 {
			t.Fatalf("notices of owner-%d: %v, error %v", i, of, err)
		}
		notices = append(notices, of[0])
	}
	return notices
}

// claimed checks which notices can be claimed at a time, and returns them.
func claimed(t *testing.T, s verdict.Store, at time.Time, limit int, want ...verdict.Notice) []verdict.Notice {
	t.Helper()
	for i := range want {
		want[i].Due = plain(at.Add(verdict.NoticeLease))
	}
	got, err := s.ClaimNotices(t.Context(), backend, at, limit)
	equal(t, "claimed", append([]verdict.Notice(nil), got...), err, append([]verdict.Notice(nil), want...))
	return got
}

// conclude puts what came of an attempt on record.
func conclude(t *testing.T, s verdict.Store, n verdict.Notice, r verdict.Receipt) verdict.Notice {
	t.Helper()
	next := n.After(r)
	is(t, "replace the notice of "+n.Transaction, s.ReplaceNotice(t.Context(), next), nil)
	return next
}

func listed(t *testing.T, s verdict.Store, endpoint string, state verdict.NoticeState, after int64, limit int, want ...verdict.Notice) {
	t.Helper()
	got, err := s.Notices(t.Context(), endpoint, state, after, limit)
	equal(t, "listed "+string(state), append([]verdict.Notice(nil), got...), err, append([]verdict.Notice(nil), want...))
}

func toldFromThenOn(t *testing.T, s verdict.Store) {
	now := time.Now()
	settle(t, s, accepted("earlier", 1, now))
	pending := create(t, s, accepted("owner", 1, now))
	addEndpoints(t, s, backend)
	enlists(t, s, backend, "", 10, 0)
	var want []string
	for n := range 5 {
		want = append(want, settle(t, s, accepted("later", n, now)).ID)
	}
	e := settledBy(now)
	want = append(want, replace(t, s, pending.Weigh(e, policy()), &e).ID)
	enlists(t, s, backend, "", 0, 0)
	enlists(t, s, backend, "", 4, 4)
	addEndpoints(t, s, backend) // again: it changes nothing
	enlists(t, s, backend, "", 4, 2)
	enlists(t, s, backend, "", 4, 0)
	notices, err := s.Notices(t.Context(), backend, verdict.NoticePending, 0, 10)
	var got []string
	for _, n := range notices {
		got = append(got, n.Transaction)
	}
	equal(t, "transactions of the notices", got, err, want)
}

func toldOfOneTenant(t *testing.T, s verdict.Store) {
	addEndpoints(t, s, "all", "one", "other")
	for n, tenant := range []string{"one", "other", "one"} {
		given := accepted("owner", n, time.Now())
		given.Tenant = tenant
		settle(t, s, given)
	}
	for endpoint, want := range map[string][]string{
		"all": {"owner-0", "owner-1", "owner-2"}, "one": {"owner-0", "owner-2"}, "other": {"owner-1"},
	} {
		tenant := endpoint
		if tenant == "all" {
			tenant = ""
		}
		enlists(t, s, endpoint, tenant, 10, 3)
		notices, err := s.Notices(t.Context(), endpoint, verdict.NoticePending, 0, 10)
		var got []string
		for _, n := range notices {
			got = append(got, n.Transaction)
		}
		equal(t, "transactions that "+endpoint+" is told of", got, err, want)
	}
}

func toldNobody(t *testing.T, s verdict.Store) {
	settled := settle(t, s, accepted("owner", 1, time.Now()))
	enlists(t, s, backend, "", 10, 0)
	claimed(t, s, time.Now().Add(time.Hour), 10)
	notices, err := s.NoticesOf(t.Context(), settled.ID)
	equal(t, "notices", len(notices), err, 0)
	is(t, "close it", s.CloseEndpoint(t.Context(), backend, time.Now(), "why"), nil)
	is(t, "open it", s.OpenEndpoint(t.Context(), backend), verdict.ErrNotFound)
	all, err := s.Endpoints(t.Context())
	equal(t, "endpoints", len(all), err, 0)
}

func oneNotice(t *testing.T, s verdict.Store) {
	const verdicts, instances = 20, 8
	addEndpoints(t, s, backend)
	for n := range verdicts {
		settle(t, s, accepted("owner", n, time.Now()))
	}
	together(instances, func(int) {
		for range verdicts {
			if _, err := s.Enlist(t.Context(), backend, "", 3); err != nil {
				t.Error(err)
			}
		}
	})
	notices, err := s.Notices(t.Context(), backend, verdict.NoticePending, 0, 2*verdicts)
	equal(t, "notices", len(notices), err, verdicts)
}

func noticeLeased(t *testing.T, s verdict.Store) {
	now := time.Now()
	notices := enlisted(t, s, 1, now)
	want := verdict.Notice{
		Number: notices[0].Number, Endpoint: backend, Transaction: "owner-0", Version: 1, Due: plain(now), SettledAt: plain(now),
	}
	equal(t, "notice", notices[0], nil, want)
	claimed(t, s, now.Add(-1), 10)
	claimed(t, s, abroad(now), 0)
	claimed(t, s, abroad(now), 10, want)
	end := now.Add(verdict.NoticeLease)
	claimed(t, s, end.Add(-1), 10)
	claimed(t, s, end, 10, want) // also the claim of a claim ends
	claimed(t, s, end.Add(verdict.NoticeLease-1), 10)
}

func longestDueNotices(t *testing.T, s verdict.Store) {
	now := time.Now()
	notices := enlisted(t, s, 4, now)
	late := now.Add(time.Hour)
	again := notices[0].Replay(now.Add(time.Minute)) // due last, though the first
	is(t, "replace", s.ReplaceNotice(t.Context(), again), nil)
	claimed(t, s, late, 2, notices[1], notices[2])
	again.Due = plain(again.Due)
	claimed(t, s, late, 2, again, notices[3])
	claimed(t, s, late, 2)
}

func oneClaimsNotice(t *testing.T, s verdict.Store) {
	const verdicts, instances = 12, 6
	now := time.Now()
	enlisted(t, s, verdicts, now)
	var mu sync.Mutex
	times := map[int64]int{}
	together(instances, func(int) {
		for range verdicts {
			got, err := s.ClaimNotices(t.Context(), backend, now.Add(time.Hour), 2)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			for _, n := range got {
				times[n.Number]++
			}
			mu.Unlock()
		}
	})
	for number, n := range times {
		if n != 1 {
			t.Errorf("notice %d was claimed %d times", number, n)
		}
	}
	equal(t, "notices claimed", len(times), nil, verdicts)
}

func noticeReplaced(t *testing.T, s verdict.Store) {
	now := abroad(time.Now())
	given := enlisted(t, s, 2, now)
	first, untouched := given[0], given[1]
	next := first.After(verdict.Receipt{At: now, Result: "answered 503"})
	is(t, "replace", s.ReplaceNotice(t.Context(), next), nil)
	is(t, "replace it twice", s.ReplaceNotice(t.Context(), next), verdict.ErrStale)
	skipped := next
	skipped.Version += 2
	is(t, "skip a version", s.ReplaceNotice(t.Context(), skipped), verdict.ErrStale)
	nobody := next
	nobody.Number += 1000
	is(t, "replace one that isn't there", s.ReplaceNotice(t.Context(), nobody), verdict.ErrStale)
	next.Due, next.TriedAt = plain(next.Due), plain(next.TriedAt)
	got, err := s.NoticesOf(t.Context(), first.Transaction)
	equal(t, "notices after a failure", got, err, []verdict.Notice{next})

	told := next.After(verdict.Receipt{At: now.Add(time.Second), Taken: true, Result: "answered 200"})
	is(t, "replace it again", s.ReplaceNotice(t.Context(), told), nil)
	told.TriedAt, told.ToldAt = plain(told.TriedAt), plain(told.ToldAt)
	got, err = s.NoticesOf(t.Context(), first.Transaction)
	equal(t, "notices after it was told", got, err, []verdict.Notice{told})
	claimed(t, s, now.Add(1000*time.Hour), 10, untouched)
}

func noticesListed(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	addEndpoints(t, s, "other")
	all := enlisted(t, s, 6, now)
	enlists(t, s, "other", "", 1, 1)
	others, err := s.Notices(t.Context(), "other", verdict.NoticePending, 0, 10)
	if err != nil || len(others) != 1 {
		t.Fatalf("notices of the other: %v, error %v", others, err)
	}
	for _, i := range []int{1, 3} {
		all[i].Version, all[i].ToldAt, all[i].Due, all[i].Result = 2, now, time.Time{}, "answered 200"
		is(t, "replace", s.ReplaceNotice(t.Context(), all[i]), nil)
	}
	all[4].Version, all[4].Due, all[4].Result = 2, time.Time{}, "timed out"
	is(t, "replace", s.ReplaceNotice(t.Context(), all[4]), nil)

	listed(t, s, backend, verdict.NoticePending, 0, 10, all[0], all[2], all[5])
	listed(t, s, backend, verdict.NoticePending, all[0].Number, 1, all[2])
	listed(t, s, backend, verdict.NoticePending, 0, 0)
	listed(t, s, backend, verdict.NoticeTold, 0, 10, all[1], all[3])
	listed(t, s, backend, verdict.NoticeGivenUp, 0, 10, all[4])
	listed(t, s, "", verdict.NoticePending, all[2].Number, 10, all[5], others[0])
	listed(t, s, "", verdict.NoticeTold, all[1].Number, 10, all[3])
	listed(t, s, "", verdict.NoticeGivenUp, 0, 10, all[4])
	listed(t, s, "other", verdict.NoticeGivenUp, 0, 10)
}

func endpointCloses(t *testing.T, s verdict.Store) {
	now := time.Now()
	notices := enlisted(t, s, 1, now)
	until := now.Add(time.Hour)
	is(t, "close", s.CloseEndpoint(t.Context(), backend, until, "asked for an hour"), nil)
	claimed(t, s, until.Add(-1), 10)
	claimed(t, s, until, 10, notices...)

	is(t, "close for good", s.CloseEndpoint(t.Context(), backend, verdict.UntilOpened, "gone"), nil)
	claimed(t, s, until.Add(10000*time.Hour), 10)
	all, err := s.Endpoints(t.Context())
	if err != nil || len(all) != 1 || !all[0].Disabled() || all[0].Reason != "gone" {
		t.Errorf("endpoints %+v, error %v", all, err)
	}
	settle(t, s, accepted("meanwhile", 1, now))
	enlists(t, s, backend, "", 10, 1) // it waits like the others
	is(t, "open", s.OpenEndpoint(t.Context(), backend), nil)
	got, err := s.ClaimNotices(t.Context(), backend, until.Add(10000*time.Hour), 10)
	equal(t, "notices claimed after it was opened", len(got), err, 2)
}

func endpointStaysClosed(t *testing.T, s verdict.Store) {
	addEndpoints(t, s, backend)
	until := plain(time.Now().Add(time.Hour))
	for _, at := range []time.Time{until, until.Add(-time.Minute), until} {
		is(t, "close", s.CloseEndpoint(t.Context(), backend, at, at.Sub(until).String()), nil)
	}
	all, err := s.Endpoints(t.Context())
	equal(t, "endpoints", all, err, []verdict.Endpoint{{Name: backend, ClosedUntil: until, Reason: "0s"}})
	is(t, "open", s.OpenEndpoint(t.Context(), backend), nil)
	is(t, "open it again", s.OpenEndpoint(t.Context(), backend), nil)
	all, err = s.Endpoints(t.Context())
	equal(t, "endpoints", all, err, []verdict.Endpoint{{Name: backend}})
}

func endpointsCount(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	addEndpoints(t, s, "another")
	all := enlisted(t, s, 4, now)
	all[0].Version, all[0].ToldAt, all[0].Due = 2, now, time.Time{}
	all[3].Version, all[3].Due = 2, time.Time{}
	is(t, "replace", s.ReplaceNotice(t.Context(), all[0]), nil)
	is(t, "replace", s.ReplaceNotice(t.Context(), all[3]), nil)
	claimed(t, s, now.Add(time.Hour), 1, all[1]) // which is pending still
	got, err := s.Endpoints(t.Context())
	equal(t, "endpoints", got, err, []verdict.Endpoint{
		{Name: "another"}, {Name: backend, Pending: 2, Oldest: now.Add(time.Second), GivenUp: 1},
	})
}

// drops checks how many notices an endpoint takes along.
func drops(t *testing.T, s verdict.Store, endpoint string, limit, want int) {
	t.Helper()
	deleted, err := s.DropEndpoint(t.Context(), endpoint, limit)
	equal(t, "notices deleted of "+endpoint, deleted, err, want)
}

func endpointDropped(t *testing.T, s verdict.Store) {
	now := time.Now()
	addEndpoints(t, s, "other")
	all := enlisted(t, s, 5, now)
	enlists(t, s, "other", "", 10, 5)
	conclude(t, s, all[1], verdict.Receipt{At: now, Vain: true})
	leased := claimed(t, s, now, 1, all[0])[0]

	drops(t, s, backend, 0, 0)
	drops(t, s, backend, 3, 3)
	left, err := s.Endpoints(t.Context())
	if err != nil || len(left) != 2 || left[0].Name != backend || left[0].Pending+left[0].GivenUp != 2 || left[1].Pending != 5 {
		t.Errorf("endpoints %+v, error %v", left, err)
	}
	drops(t, s, backend, 2, 2)
	drops(t, s, backend, 2, 0)
	_, err = s.DropEndpoint(t.Context(), backend, 2)
	is(t, "drop it again", err, verdict.ErrNotFound)
	_, err = s.DropEndpoint(t.Context(), "nobody", 0)
	is(t, "drop none of one that isn't there", err, verdict.ErrNotFound)

	is(t, "put an attempt on record that was under way", s.ReplaceNotice(t.Context(), leased.After(verdict.Receipt{At: now, Taken: true})), verdict.ErrStale)
	claimed(t, s, now.Add(time.Hour), 10)
	enlists(t, s, backend, "", 10, 0)
	for _, state := range []verdict.NoticeState{verdict.NoticePending, verdict.NoticeTold, verdict.NoticeGivenUp} {
		listed(t, s, backend, state, 0, 10)
	}
	left, err = s.Endpoints(t.Context())
	equal(t, "endpoints that are left", left, err, []verdict.Endpoint{{Name: "other", Pending: 5, Oldest: plain(now)}})
}

func toldStays(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	all := enlisted(t, s, 2, now)
	told := conclude(t, s, all[0], verdict.Receipt{At: now, Taken: true, Result: "answered 200"})
	drops(t, s, backend, 10, 1)
	listed(t, s, backend, verdict.NoticeTold, 0, 10, told)
	notices, err := s.NoticesOf(t.Context(), told.Transaction)
	equal(t, "notices of what was told", notices, err, []verdict.Notice{told})
	notices, err = s.NoticesOf(t.Context(), all[1].Transaction)
	equal(t, "notices of what wasn't", len(notices), err, 0)
}

func droppedAddedAgain(t *testing.T, s verdict.Store) {
	now := time.Now()
	enlisted(t, s, 2, now)
	is(t, "close", s.CloseEndpoint(t.Context(), backend, verdict.UntilOpened, "gone"), nil)
	settle(t, s, accepted("before", 1, now)) // which is no notice yet
	drops(t, s, backend, 10, 2)
	settle(t, s, accepted("between", 1, now))
	addEndpoints(t, s, backend)
	later := settle(t, s, accepted("later", 1, now))
	enlists(t, s, backend, "", 10, 1)
	got, err := s.ClaimNotices(t.Context(), backend, time.Now().Add(time.Hour), 10)
	if err != nil || len(got) != 1 || got[0].Transaction != later.ID {
		t.Errorf("claimed %+v, error %v; want that of %s", got, err, later.ID)
	}
}
