package storetest

import (
	"bytes"
	"testing"
	"time"

	"verdict"
)

var delivering = []promise{
	{"that an app was told, and has confirmed, changes nothing else", besideTheState},
	{"the first time that is noted stays", firstDeliveryStays},
	{"what is said of one that isn't settled, or isn't known, is dropped", deliveryDropped},
	{"no change of state sets or loses what is known of the delivery", deliveryApart},
	{"of concurrent confirmations one stays", oneConfirmation},
	{"what nobody has confirmed comes in the order of the event ids, within bounds", unconfirmedInOrder},
	{"nobody sees what another audience hasn't confirmed", unconfirmedApart},
}

func deliver(t *testing.T, s verdict.Store, deliveries ...verdict.Delivery) {
	t.Helper()
	if err := s.Deliver(t.Context(), deliveries); err != nil {
		t.Errorf("deliver: %v", err)
	}
}

func unconfirmedAre(t *testing.T, s verdict.Store, a verdict.Audience, after, until int64, limit int, want ...verdict.Transaction) {
	t.Helper()
	got, err := s.Unconfirmed(t.Context(), a, after, until, limit)
	equal(t, "unconfirmed", append([]verdict.Transaction(nil), got...), err, want)
}

func besideTheState(t *testing.T, s verdict.Store) {
	want := settle(t, s, accepted("owner", 1, time.Now()))
	other := settle(t, s, accepted("owner", 2, time.Now()))
	event, told := want.Event().Data, history(t, s, want.ID)
	now := abroad(time.Now()) // with a monotonic clock

	deliver(t, s, verdict.Delivery{Transaction: want.ID, Told: now})
	want.ToldAt = plain(now)
	standsAs(t, s, want)
	now = now.Add(time.Second)
	deliver(t, s, verdict.Delivery{Transaction: want.ID, Confirmed: now})
	want.ConfirmedAt = plain(now)
	standsAs(t, s, want)
	settledAre(t, s, nil, 0, 10, []verdict.Transaction{want, other})

	if last := lastEventID(t, s); last != other.EventID {
		t.Errorf("the last event id went from %d to %d", other.EventID, last)
	}
	if !bytes.Equal(want.Event().Data, event) {
		t.Errorf("event %d was %s and is %s", want.EventID, event, want.Event().Data)
	}
	equal(t, "history", history(t, s, want.ID), nil, told)
	claims(t, s, now.Add(time.Hour))
}

func firstDeliveryStays(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	want := settle(t, s, accepted("owner", 1, now))
	want.ToldAt, want.ConfirmedAt = now, now.Add(time.Second)
	deliver(t, s,
		verdict.Delivery{Transaction: want.ID, Confirmed: want.ConfirmedAt}, // may come before it is noted that it was told
		verdict.Delivery{Transaction: want.ID, Told: want.ToldAt, Confirmed: now.Add(time.Minute)},
		verdict.Delivery{Transaction: want.ID, Told: now.Add(time.Minute)},
	)
	standsAs(t, s, want)
	for _, later := range []time.Time{now.Add(-time.Hour), now.Add(time.Hour), {}} {
		deliver(t, s, verdict.Delivery{Transaction: want.ID, Told: later, Confirmed: later})
		standsAs(t, s, want)
	}
}

func deliveryDropped(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	pending, settled := create(t, s, accepted("owner", 1, now)), settle(t, s, accepted("owner", 2, now))
	review := create(t, s, accepted("owner", 3, now))
	review.Version, review.Stage, review.Due = 2, verdict.StageReview, time.Time{}
	review = replace(t, s, review, nil)
	var deliveries []verdict.Delivery
	for _, id := range []string{"nobody", pending.ID, review.ID, settled.ID} {
		deliveries = append(deliveries, verdict.Delivery{Transaction: id, Told: now, Confirmed: now})
	}
	deliver(t, s, deliveries...)
	deliver(t, s)
	standsAs(t, s, pending)
	standsAs(t, s, review)
	_, err := s.Transaction(t.Context(), "nobody")
	is(t, "a transaction that was only spoken of", err, verdict.ErrNotFound)
	settled.ToldAt, settled.ConfirmedAt = now, now
	standsAs(t, s, settled)

	e := settledBy(now)
	pending = replace(t, s, pending.Weigh(e, policy()), &e)
	unconfirmedAre(t, s, pending.Audience(), 0, pending.EventID, 10, pending)
}

func deliveryApart(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	told := func(state verdict.Transaction) verdict.Transaction {
		state.ToldAt, state.ConfirmedAt = now, now
		return state
	}
	untold := func(what string, got verdict.Transaction) verdict.Transaction {
		t.Helper()
		if !got.ToldAt.IsZero() || !got.ConfirmedAt.IsZero() {
			t.Errorf("%s: told %s, confirmed %s", what, got.ToldAt, got.ConfirmedAt)
		}
		standsAs(t, s, got)
		return got
	}
	state := untold("created", create(t, s, told(accepted("owner", 1, now))))
	state = untold("replaced", replace(t, s, told(state.Send(policy(), now)), nil))
	asked, _, err := s.Ask(t.Context(), told(state.Ask(now)), budget, now)
	is(t, "ask", err, nil)
	e := settledBy(now)
	state = untold("settled", replace(t, s, told(untold("asked", asked).Weigh(e, policy())), &e))

	later := now.Add(time.Second)
	deliver(t, s, verdict.Delivery{Transaction: state.ID, Told: later, Confirmed: later.Add(1)})
	for _, given := range []verdict.Transaction{state, told(state)} { // as read before, and as nobody has read it
		given.Version = state.Version + 1
		state = replace(t, s, given, nil)
		state.ToldAt, state.ConfirmedAt = later, later.Add(1)
		standsAs(t, s, state)
	}
}

func oneConfirmation(t *testing.T, s verdict.Store) {
	const apps = 16
	now := plain(time.Now())
	want := settle(t, s, accepted("owner", 1, now))
	var read [apps]verdict.Transaction
	together(apps, func(i int) {
		deliver(t, s, verdict.Delivery{Transaction: want.ID, Confirmed: now.Add(time.Duration(i))})
		found, err := s.Transaction(t.Context(), want.ID)
		is(t, "read", err, nil)
		read[i] = found
	})
	want.ConfirmedAt = read[0].ConfirmedAt
	if nth := want.ConfirmedAt.Sub(now); nth < 0 || nth >= apps {
		t.Errorf("confirmed at %s, %s after the first", want.ConfirmedAt, nth)
	}
	for _, found := range read {
		equal(t, "what an app that confirmed reads", found, nil, want)
	}
}

func unconfirmedInOrder(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	var pending, want []verdict.Transaction
	for n := range 6 {
		pending = append(pending, create(t, s, accepted("owner", n, now)))
	}
	for _, n := range []int{3, 0, 4, 1, 5} { // 2 stays pending
		e := settledBy(now)
		want = append(want, replace(t, s, pending[n].Weigh(e, policy()), &e))
	}
	a, last := pending[0].Audience(), lastEventID(t, s)
	unconfirmedAre(t, s, a, 0, last, 100, want...)

	deliver(t, s,
		verdict.Delivery{Transaction: want[0].ID, Told: now},
		verdict.Delivery{Transaction: want[3].ID, Confirmed: now},
	)
	want[0].ToldAt = now // which is no confirmation
	want = append(want[:3:3], want[4])
	unconfirmedAre(t, s, a, 0, last, 100, want...)
	unconfirmedAre(t, s, a, 0, last, 2, want[:2]...)
	unconfirmedAre(t, s, a, want[0].EventID, last, 2, want[1:3]...)
	unconfirmedAre(t, s, a, want[0].EventID-1, want[1].EventID, 100, want[:2]...)
	unconfirmedAre(t, s, a, want[0].EventID, want[1].EventID-1, 100)
	unconfirmedAre(t, s, a, want[1].EventID, want[1].EventID, 100)
	unconfirmedAre(t, s, a, last, last+100, 100)
	unconfirmedAre(t, s, a, 0, last, 0)
}

func unconfirmedApart(t *testing.T, s verdict.Store) {
	now := plain(time.Now())
	waits := map[verdict.Audience][]verdict.Transaction{}
	for n, a := range []verdict.Audience{
		{Tenant: "a", Owner: "b"}, {Tenant: "a", Owner: "c"}, {Tenant: "b", Owner: "b"}, {Tenant: "a", Owner: ""}, {Tenant: "a", Owner: "b"},
	} {
		given := accepted("owner", n, now)
		given.Tenant, given.Owner = a.Tenant, a.Owner
		waits[a] = append(waits[a], settle(t, s, given))
	}
	last := lastEventID(t, s)
	for a, want := range waits {
		unconfirmedAre(t, s, a, 0, last, 100, want...)
	}
	unconfirmedAre(t, s, verdict.Audience{}, 0, last, 100)
}
