package main

import (
	"flag"
	"testing"
	"time"
)

var clusterRounds = flag.Int("cluster-rounds", 1, "how often TestCluster goes through each of its faults")

// clusterLoad is how often an app comes to each of the clusters.
const clusterLoad = 150 * time.Millisecond

// TestCluster runs three instances as processes on one PostgreSQL server and a cluster of three NATS servers, behind a load
// balancer, under load and under the faults of a network of machines. Then it lets everything heal, and holds what was seen
// from outside against the invariants.
func TestCluster(t *testing.T) {
	t.Parallel()
	campaign(t)
	seen := newClusterTally()
	runs := map[string]func(*testing.T){
		"instances die and stand still": func(t *testing.T) { testInstancesDie(t, seen) },
		"the database fails":            func(t *testing.T) { testTheDatabaseFails(t, seen) },
		"the stream fails":              func(t *testing.T) { testTheStreamFails(t, seen) },
	}
	if ran := together(t, len(runs), runs); ran == len(runs) && !t.Failed() {
		seen.demand(t)
	}
}

// testInstancesDie kills the instances in turn, and then stops one inside a commit for longer than its lease.
func testInstancesDie(t *testing.T, tally *tally) {
	takeRoom(t)
	c := newCluster(t, newToxiproxy(t))
	c.orders = withSlowOnes(c.orders)
	c.start()
	stop := c.load(clusterLoad, c.front)
	var stops []spell
	for range *clusterRounds {
		for n := range 6 {
			c.sleep(1500 * time.Millisecond)
			c.crash(n % len(c.instances))
		}
		c.sleep(time.Second)
		stops = append(stops, c.standStill(0, 18*time.Second)) // a lease is 15 s
	}
	c.sleep(2 * time.Second)
	stop()
	h := c.mustBeRight()
	tally.count(h)
	tally.add(sawOrphan, h.orphans())
	tally.add(sawMidCommit, c.thrownOut())
	for _, s := range stops {
		for _, of := range h.wokenLate(s.from, s.to) {
			tally.add(with(sawTakeover, of), 1)
		}
	}
}

// testTheDatabaseFails restarts PostgreSQL, cuts its connections, loses its answers, and cuts an instance off from it.
func testTheDatabaseFails(t *testing.T, tally *tally) {
	takeRoom(t)
	c := newCluster(t, newToxiproxy(t))
	c.start()
	stop := c.load(clusterLoad, c.front)
	var fast, immediate, lost []spell
	for range *clusterRounds {
		c.sleep(time.Second)
		fast = append(fast, c.restartPostgres(c.postgres.Stop))
		c.sleep(2 * time.Second)
		immediate = append(immediate, c.restartPostgres(c.postgres.Crash))
		c.sleep(2 * time.Second)
		tally.add(sawTerminated, c.terminateBackends(3*time.Second))
		lost = append(lost, c.loseAnswers())
		c.cutOffFromPostgres(1)
		tally.add(sawCutOff, 1)
	}
	c.sleep(time.Second)
	stop()
	h := c.mustBeRight()
	tally.count(h)
	tally.add(sawFastRestart, h.refusedWithin(fast))
	tally.add(sawCrash, h.refusedWithin(immediate))
	tally.add(sawLostAnswer, h.storedUnheard(lost))
}

// testTheStreamFails kills the NATS nodes one after the other, cuts an instance off from all of them, and deletes all of
// their stores.
func testTheStreamFails(t *testing.T, tally *tally) {
	takeRoom(t)
	c := newCluster(t, newToxiproxy(t))
	c.start()
	stop := c.load(clusterLoad, c.front)
	for range *clusterRounds {
		for n := range c.nats {
			c.sleep(time.Second)
			connections, led := c.killNode(n)
			tally.add(sawNodeLost, connections)
			tally.add(sawLeaderLost, led)
		}
		c.cutOffFromNATS(1)
		tally.add(sawNATSCutOff, 1)
		c.loseStores()
		tally.add(sawStoresGone, 1)
	}
	c.sleep(time.Second)
	stop()
	tally.count(c.mustBeRight())
}
