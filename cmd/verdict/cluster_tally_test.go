package main

import (
	"slices"
	"time"
)

// The states that TestCluster must have reached, besides those of every campaign.
const (
	sawOrphan      = "a call was under way when its sender died"
	sawMidCommit   = "an instance that was stopped inside a commit had to be thrown out by PostgreSQL"
	sawFastRestart = "a post was refused while PostgreSQL was restarted in fast mode"
	sawCrash       = "a post was refused while PostgreSQL was restarted in immediate mode"
	sawTerminated  = "a connection was ended by pg_terminate_backend"
	sawLostAnswer  = "a commit was stored whose answer was lost"
	sawCutOff      = "an instance was cut off from PostgreSQL, said so, and was ready again"
	sawNodeLost    = "an instance lost the NATS node that it was connected to"
	sawLeaderLost  = "the leader of a stream was killed"
	sawNATSCutOff  = "an instance was cut off from all NATS nodes and came back"
	sawStoresGone  = "the stores of all NATS nodes were deleted"
)

func newClusterTally() *tally {
	t := &tally{counts: map[string]int{}}
	for _, state := range []string{
		sawInFlight, sawEarlyWebhook, sawResumed, sawOrphan, sawMidCommit, sawFastRestart, sawCrash, sawTerminated,
		sawLostAnswer, sawCutOff, sawNodeLost, sawLeaderLost, sawNATSCutOff, sawStoresGone,
	} {
		t.counts[state] = 0
	}
	for _, k := range kinds() {
		t.counts[with(sawLostReply, k.name)] = 0
	}
	return t
}

// A spell is a time in which something was wrong.
type spell struct{ from, to time.Time }

func (s spell) holds(at time.Time) bool { return at.After(s.from) && at.Before(s.to) }

// orphans counts the transactions that were sent and of whose call nobody has put the end on record: its sender has died.
func (h history) orphans() (n int) {
	ended := map[string]bool{}
	for _, e := range h.disk.evidence {
		ended[e.transaction] = ended[e.transaction] || e.source == "reply"
	}
	for id := range h.posted() {
		if !ended[id] {
			n++
		}
	}
	return n
}

// refusedWithin counts the posts of a time that were answered as refused.
func (h history) refusedWithin(times []spell) (n int) {
	for _, p := range h.posts {
		if p.status == 503 && anyHolds(times, p.sent) {
			n++
		}
	}
	return n
}

// storedUnheard counts the keys of which a post of that time was answered with an error and one was stored unheard: all
// posts that were answered with the transaction were repeats.
func (h history) storedUnheard(times []spell) (n int) {
	first, failed, repeated := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, p := range h.posts {
		switch {
		case p.status/100 == 2 && p.replayed:
			repeated[p.key] = true
		case p.status/100 == 2:
			first[p.key] = true
		case p.status >= 500 && anyHolds(times, p.sent):
			failed[p.key] = true
		}
	}
	for key := range failed {
		if repeated[key] && !first[key] {
			n++
		}
	}
	return n
}

func anyHolds(times []spell, at time.Time) bool {
	return slices.ContainsFunc(times, func(s spell) bool { return s.holds(at) })
}
