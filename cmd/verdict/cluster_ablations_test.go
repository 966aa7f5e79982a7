package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"verdict"
)

// A clusterAblation is a way to break instances that is of no consequence where there is only one of them.
type clusterAblation struct {
	ablation
	instances int // how many of the three are broken
	checks    int // that the partner allows in its window; 0: as many as ever
}

func clusterAblations() map[string]clusterAblation {
	return map[string]clusterAblation{
		"claims and changes take no lock":           {ablation{"I3", "djamo", onStore(lockNothing)}, 3, 0},
		"each instance has a budget of its own":     {ablation{"I12", "djamo", onStore(budgetEach)}, 3, 10},
		"one instance tells events in its own ways": {ablation{"I10", "djamo", onBus(alterEvents)}, 1, 0},
	}
}

// lockNothing has each instance hand out what others have claimed, and store its change whatever stands there. Markers
// are written slowly, so that two are as likely as on a busy machine.
func lockNothing(s *alteredStore) {
	s.claimDue = func(ctx context.Context, lane verdict.Lane, now time.Time, limit int) ([]verdict.Command, error) {
		return s.Store.ClaimDue(ctx, lane, now.Add(verdict.Lease), limit)
	}
	s.replace = func(ctx context.Context, next verdict.Transaction, e *verdict.Evidence) (verdict.Transaction, error) {
		if next.Stage == verdict.StageSending {
			time.Sleep(50 * time.Millisecond)
		}
		for {
			stored, err := s.Store.Replace(ctx, next, e)
			if !errors.Is(err, verdict.ErrStale) {
				return stored, err
			}
			current, err := s.Store.Transaction(ctx, next.ID)
			if err != nil {
				return current, err
			}
			next.Version = current.Version + 1
		}
	}
}

// budgetEach has an instance ask as often as the budget allows without regard to the others.
func budgetEach(s *alteredStore) {
	var mu sync.Mutex
	var asked []time.Time
	s.ask = func(ctx context.Context, next verdict.Transaction, b verdict.Budget, now time.Time) (verdict.Transaction, verdict.Turn, error) {
		mu.Lock()
		if n := len(asked); n < b.Limit || now.Sub(asked[n-b.Limit]) > b.Window {
			asked, b = append(asked, now), verdict.Budget{}
		}
		mu.Unlock()
		return s.Store.Ask(ctx, next, b, now)
	}
}

// TestTheCheckerSeesWhatBreaksAClusterAlone runs clusters whose instances are broken on purpose.
func TestTheCheckerSeesWhatBreaksAClusterAlone(t *testing.T) {
	t.Parallel()
	campaign(t)
	runs := map[string]func(*testing.T){}
	for name, broken := range clusterAblations() {
		runs[name] = func(t *testing.T) { broken.mustBeAmong(t, brokenCluster(t, name, broken)) }
	}
	together(t, len(runs), runs)
}

func brokenCluster(t *testing.T, name string, broken clusterAblation) []string {
	takeRoom(t)
	c := newCluster(t, nil)
	c.orders = ordersOf(broken.partner)
	if broken.checks > 0 {
		p := c.partners[0]
		p.manner.checks = broken.checks
		c.limits.manners[p.name] = p.manner
	}
	for n := range c.instances {
		if n < broken.instances {
			c.startOne(n, clusterVariable+"="+name)
		} else {
			c.startOne(n)
		}
	}
	stop := c.load(100*time.Millisecond, c.front)
	c.sleep(time.Duration(4*len(c.orders)) * 100 * time.Millisecond)
	stop()
	return c.settle().violations()
}
