package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestCampaign runs the binary as processes under load and under faults, lets everything heal, and holds what was seen
// from outside against the invariants. The runs wait more than they work, so they go at the same time.
func TestCampaign(t *testing.T) {
	t.Parallel()
	campaign(t)
	seen := newTally()
	runs := map[string]func(*testing.T){
		"duplicate storms":               func(t *testing.T) { testDuplicateStorms(t, seen) },
		"the stream's folder is deleted": func(t *testing.T) { testTheStreamIsDeleted(t, seen) },
		"a paused instance":              func(t *testing.T) { testAPausedInstance(t, seen) },
		"a bad network":                  func(t *testing.T) { testABadNetwork(t, seen) },
	}
	for _, k := range kinds() {
		runs["a sender paused before it sends to "+k.name] = func(t *testing.T) { testASenderPausedBeforeItSends(t, seen, k.name) }
		runs["a crash at each point with "+k.name] = func(t *testing.T) { testACrashAtEachPoint(t, seen, k.name) }
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

// testDuplicateStorms posts the same thing 50 times at once, with other content or another partner under the same key
// among it, to two instances on one database.
func testDuplicateStorms(t *testing.T, tally *tally) {
	s := newScene(t)
	a, b := s.newInstance("a"), s.newInstance("b")
	a.start()
	b.start()
	at := []*instance{a, b}
	slow, other := djamoOrder("", misfortunes["slow answer"]), order{partner: "djamo", payload: `{"amount":"9900"}`}
	slowToo := momoOrder("", `{"reply_after":"60s"}`, "")
	for storm := range 10 {
		o, not := slow, other
		if storm%2 == 1 {
			o, not = slowToo, order{partner: "djamo", payload: slowToo.payload}
		}
		var posts sync.WaitGroup
		for n := range 50 {
			posts.Go(func() {
				posted := o
				if n%10 == 9 {
					posted = not
				}
				if id := s.submit(fmt.Sprintf("storm %d", storm), posted, n, at); id != "" && n%10 == 0 {
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
	s.callsUnderWay(a, "under way")
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
	for _, of := range h.wokenLate(paused, awake) {
		tally.add(with(sawTakeover, of), 1)
	}
}

// callsUnderWay has an instance make calls to both partners, whose keys begin with a name, and returns when most are under
// way. They take 3.4 s, and two checks find them undecided.
func (s *scene) callsUnderWay(g *instance, name string) {
	const apps = 60
	for n := range apps {
		o := djamoOrder("", `{"reply_after":"170s","webhook":"none"}`)
		if n%2 == 1 {
			o = momoOrder("", `{"reply_after":"170s","settles_after":"170s","webhook":"none"}`, "")
		}
		s.play(n, fmt.Sprintf("%s %d", name, n), o, g)
	}
	sent := func() (n int) {
		for _, r := range s.read().rows {
			if strings.HasPrefix(r.key, name+" ") && r.stage != "accepted" {
				n++
			}
		}
		return n
	}
	for began := time.Now(); sent() < apps*2/3 && time.Since(began) < time.Second; {
		s.sleep(20 * time.Millisecond)
	}
}

// wokenLate returns the partners of the calls that were under way at a pause and came back after it to a transaction that
// had its verdict.
func (h history) wokenLate(paused, awake time.Time) (of []string) {
	rows := h.byID()
	for _, e := range h.disk.evidence {
		r := rows[e.transaction]
		if e.source == "reply" && e.asked.Before(paused) && e.at.After(awake) && r.settled.After(paused) && r.settled.Before(awake) {
			of = append(of, r.partner)
		}
	}
	return of
}
