package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCampaign runs the binary as processes under load and under faults, lets everything heal, and holds what was seen
// from outside against the invariants. The runs wait more than they work, so they go at the same time.
func TestCampaign(t *testing.T) {
	t.Parallel()
	seen := newTally()
	runs := map[string]func(*testing.T){
		"duplicate storms":                func(t *testing.T) { testDuplicateStorms(t, seen) },
		"the stream's folder is deleted":  func(t *testing.T) { testTheStreamIsDeleted(t, seen) },
		"a paused instance":               func(t *testing.T) { testAPausedInstance(t, seen) },
		"a sender paused before it sends": func(t *testing.T) { testASenderPausedBeforeItSends(t, seen) },
		"a bad network":                   func(t *testing.T) { testABadNetwork(t, seen) },
		"a crash at each point":           func(t *testing.T) { testACrashAtEachPoint(t, seen) },
	}
	if ran := together(t, len(runs), runs); ran == len(runs) && !t.Failed() {
		seen.demand(t)
	}
}

// together runs subtests, some at the same time. They wait more than they work, so there may be more of them than
// go test's -parallel, which counts processors, would allow. It returns how many of them -run has chosen.
func together(t *testing.T, atOnce int, tests map[string]func(*testing.T)) int {
	var ran atomic.Int64
	var running sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for name, test := range tests {
		running.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run(name, func(t *testing.T) {
				ran.Add(1)
				test(t)
			})
		})
	}
	running.Wait()
	return int(ran.Load())
}

// testDuplicateStorms posts the same thing 50 times at once, with other content under the same key among it, to two
// instances on one database.
func testDuplicateStorms(t *testing.T, tally *tally) {
	s := newScene(t)
	a, b := s.newInstance("a"), s.newInstance("b")
	a.start()
	b.start()
	at := []*instance{a, b}
	for storm := range 10 {
		var posts sync.WaitGroup
		for n := range 50 {
			posts.Go(func() {
				payload := `{"amount":"2500","simulate":` + misfortunes["slow answer"] + `}`
				if n%10 == 9 {
					payload = `{"amount":"9900"}`
				}
				if id := s.submit(fmt.Sprintf("storm %d", storm), payload, n, at); id != "" && n%10 == 0 {
					s.apps.Go(func() { s.follow(id, n/10, at) })
				}
			})
		}
		posts.Wait()
	}
	stop := s.load(50*time.Millisecond, at...)
	s.sleep(4 * time.Second)
	stop()
	tally.count(s.mustBeRight())
}

// testTheStreamIsDeleted deletes the folder of the stream under load, while the instance runs and between runs.
func testTheStreamIsDeleted(t *testing.T, tally *tally) {
	s := newScene(t)
	g := s.newInstance("a")
	g.start()
	stop := s.load(50*time.Millisecond, g)
	for n := range 4 {
		s.sleep(2 * time.Second)
		if n == 2 {
			g.process.kill()
			s.interrupted()
		}
		g.loseStream()
		if n == 2 {
			g.start()
		}
		tally.add(sawStreamGone, 1)
	}
	s.sleep(2 * time.Second)
	stop()
	tally.count(s.mustBeRight())
}

// testAPausedInstance stops one of two instances under load for longer than any lease, and wakes it up to a world that
// went on without it.
func testAPausedInstance(t *testing.T, tally *tally) {
	s := newScene(t)
	a, b := s.newInstance("a"), s.newInstance("b")
	a.start()
	b.start()
	stop := s.load(50*time.Millisecond, a, b)
	s.sleep(2 * time.Second)
	for n := range 60 { // calls that will be under way
		s.play(n, fmt.Sprintf("under way %d", n), `{"reply_after":"60s","webhook":"none"}`, a, b)
	}
	s.sleep(300 * time.Millisecond)
	a.pause()
	paused := time.Now()
	s.interrupted()
	s.webhooks.target.Store(b.address) // as a load balancer would
	s.sleep(20 * time.Second)          // a lease is 15 s
	stop()
	awake := time.Now()
	a.resume()
	more := s.load(100*time.Millisecond, a, b)
	s.sleep(2 * time.Second)
	more()
	h := s.mustBeRight()
	tally.count(h)
	tally.add(sawTakeover, h.wokenLate(paused, awake))
}

// wokenLate counts the calls that were under way at a pause and came back after it to a transaction that had its verdict.
func (h history) wokenLate(paused, awake time.Time) (n int) {
	rows := map[string]diskRow{}
	for _, r := range h.disk.rows {
		rows[r.id] = r
	}
	for _, e := range h.disk.evidence {
		settled := rows[e.transaction].settled
		if e.source == "reply" && e.asked.Before(paused) && e.at.After(awake) && settled.After(paused) && settled.Before(awake) {
			n++
		}
	}
	return n
}
