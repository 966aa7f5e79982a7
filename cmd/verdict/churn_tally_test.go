package main

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// The states that a churn must have reached.
const (
	sawGap         = "a client by position resumed, and was told what it had missed"
	sawInstances   = "the same event came by both instances"
	sawTransports  = "the same event came by both transports"
	sawReset       = "a connection was reset in the middle of a stream that went on elsewhere"
	sawAbandoned   = "a connection was abandoned, and its stream went on elsewhere"
	sawFrozen      = "a connection froze, and its stream went on elsewhere"
	sawSentAway    = "a WebSocket was closed with 1012"
	sawToldToRetry = "an event stream ended with a time to come back"
	sawCompared    = "an open connection was told a verdict while there was no stream"
	sawUnconfirmed = "an unconfirmed verdict was told again"
	sawNotFound    = "another's transaction was not found"
)

// sometimes counts the states that a run has reached. The stream was away between two times.
func (c churned) sometimes(gone, back time.Time) map[string]int {
	n := map[string]int{}
	for _, state := range []string{
		sawGap, sawInstances, sawTransports, sawReset, sawAbandoned, sawFrozen, sawSentAway, sawToldToRetry, sawCompared,
		sawUnconfirmed, sawNotFound,
	} {
		n[state] = 0
	}
	c.countEnds(n)
	c.countComparisons(n, gone, back)
	c.countWays(n)
	n[sawNotFound] = len(c.refusals)
	return n
}

// countEnds counts how the connections ended of which another took up the stream.
func (c churned) countEnds(n map[string]int) {
	ends := map[string]string{"rst": sawReset, "abandoned": sawAbandoned, "frozen": sawFrozen}
	before := map[int]hearing{} // by client
	for _, h := range c.hearings {
		b, ok := before[h.client]
		if state := ends[b.end]; ok && state != "" && len(b.events) > 0 && len(h.events) > 0 && b.instance != h.instance {
			n[state]++
		}
		if ok && h.way == byPosition && slices.ContainsFunc(h.events, func(e pushed) bool {
			return e.settled.After(b.ended) && e.settled.Before(h.opened)
		}) {
			n[sawGap]++
		}
		if !h.opened.IsZero() {
			before[h.client] = h
		}
		switch {
		case h.end == "1012":
			n[sawSentAway]++
		case h.end == "retry" && !h.opened.IsZero() && h.begin >= 0:
			n[sawToldToRetry]++
		}
	}
}

// countComparisons counts the events that no stream can have brought.
func (c churned) countComparisons(n map[string]int, gone, back time.Time) {
	for _, h := range c.hearings {
		for _, e := range h.events {
			if h.opened.Before(gone) && e.settled.After(gone) && e.at.Before(back) {
				n[sawCompared]++
			}
		}
	}
}

// countWays counts the events that came by several ways.
func (c churned) countWays(n map[string]int) {
	first := map[int64]hearing{}
	both := map[string]map[int64]bool{sawInstances: {}, sawTransports: {}}
	for _, h := range c.hearings {
		for _, e := range h.events {
			b, ok := first[e.id]
			switch {
			case !ok:
				first[e.id] = h
				continue
			case h.way == byConfirming && e.id <= h.begin:
				n[sawUnconfirmed]++
			}
			both[sawInstances][e.id] = both[sawInstances][e.id] || b.instance != h.instance
			both[sawTransports][e.id] = both[sawTransports][e.id] || b.transport != h.transport
		}
	}
	for state, events := range both {
		for _, seen := range events {
			if seen {
				n[state]++
			}
		}
	}
}

// demand prints the counts and fails for each that is zero.
func (c churned) demand(t *testing.T, b *churnBook) {
	t.Helper()
	counts := c.sometimes(b.gone, b.back)
	for _, state := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d times %s", counts[state], state)
		if counts[state] == 0 {
			t.Errorf("never reached: %s", state)
		}
	}
}
