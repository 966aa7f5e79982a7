package main

import (
	"context"
	"testing"
	"time"

	"verdict"
)

// churnAblations are ways to break the instances that a churn must show.
func churnAblations() map[string]ablation {
	return map[string]ablation{
		"hubs don't compare":      {invariant: "lost", alter: onStore(forgetTheHubs)},
		"events in other bytes":   {invariant: "bytes", alter: onBus(alterEvents)},
		"users are taken for one": {invariant: "foreign", alter: onStore(mixUsers)},
	}
}

// forgetTheHubs has the record answer hubs, which read for all audiences, that there is nothing new.
func forgetTheHubs(s *alteredStore) {
	s.settled = func(ctx context.Context, a *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
		if a == nil {
			return nil, nil
		}
		return s.Store.Settled(ctx, a, after, limit)
	}
}

// mixUsers has the record answer users as if they were hubs.
func mixUsers(s *alteredStore) {
	s.settled = func(ctx context.Context, _ *verdict.Audience, after int64, limit int) ([]verdict.Transaction, error) {
		return s.Store.Settled(ctx, nil, after, limit)
	}
}

// TestAChurnShowsEachAblation loses the stream while every user waits for a verdict, after one that came with it. Whoever
// is connected then stays, so nobody finds by coming back what it wasn't told.
func TestAChurnShowsEachAblation(t *testing.T) {
	t.Parallel()
	runs := map[string]func(*testing.T){"nothing is broken": func(t *testing.T) {
		for _, v := range few(lateStream(t, crashVariable+"=never:1")) {
			t.Error(v)
		}
	}}
	for name, broken := range churnAblations() {
		runs[name] = func(t *testing.T) { broken.mustBeAmong(t, lateStream(t, churnVariable+"="+name)) }
	}
	together(t, len(runs), runs)
}

func lateStream(t *testing.T, alter string) []string {
	c := newChurn(t, 40, alter)
	c.begin()
	c.sleep(2 * time.Second)
	for _, u := range c.users {
		c.order(u, "first", djamoOrder("", `{"reply_after":"10s","webhook":"none"}`))
	}
	c.apps.Wait()
	c.sleep(2 * time.Second)
	c.placeSlow()
	c.becalm()
	c.loseStream(2 * publishing) // what waits behind the first to be published is lost as well
	return c.end(5 * time.Second).violations()
}
