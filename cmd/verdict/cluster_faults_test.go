package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// withSlowOnes puts after each order one whose answer takes 3.4 s, so that calls are under way whenever an instance dies.
func withSlowOnes(all []order) (mixed []order) {
	slow := [...]order{
		djamoOrder("slow", `{"reply_after":"170s","webhook":"none"}`),
		momoOrder("momo: slow", `{"reply_after":"170s","settles_after":"170s","webhook":"none"}`, ""),
	}
	for n, o := range all {
		mixed = append(mixed, o, slow[n%len(slow)])
	}
	return mixed
}

// crash kills an instance and starts it again.
func (c *cluster) crash(n int) {
	c.t.Helper()
	c.instances[n].process.kill()
	c.interrupted()
	c.startOne(n)
}

// standStill stops an instance for so long that has calls under way, and is inside a commit: it holds the lock that all
// others need. What PostgreSQL says to it takes longer while that is brought about.
func (c *cluster) standStill(n int, during time.Duration) spell {
	c.t.Helper()
	c.network.tell("/proxies/"+toPostgres(c.name(n))+"/toxics", map[string]any{
		"name": "slow", "type": "latency", "stream": "downstream", "attributes": map[string]any{"latency": 300},
	}, nil)
	c.stopInsideCommit(n)
	s := spell{from: time.Now()}
	c.interrupted()
	c.network.heal()
	c.sleep(during)
	s.to = time.Now()
	c.instances[n].resume()
	return s
}

// stopInsideCommit stops an instance when it is inside a commit, and again if it has left that meanwhile. It sees to it that
// calls are under way.
func (c *cluster) stopInsideCommit(n int) {
	c.t.Helper()
	g := c.instances[n]
	for tries := range 20 {
		if tries%5 == 0 {
			c.callsUnderWay(g, fmt.Sprintf("stop %d, try %d,", c.limits.interruptions, tries))
		}
		awaitTrue(c.t, "it is inside a commit", func() error { return c.insideCommit(n) })
		g.signal(syscall.SIGSTOP)
		g.awaitStop()
		time.Sleep(100 * time.Millisecond) // for what is on its way
		if c.insideCommit(n) == nil {
			c.t.Logf("stopped; before that it had left its commit %d times", tries)
			return
		}
		g.resume()
	}
	c.t.Fatal("whenever it is stopped it isn't inside a commit")
}

// insideCommit returns an error unless PostgreSQL waits for an instance in the middle of a transaction.
func (c *cluster) insideCommit(n int) error {
	const waiting = `SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND state = 'idle in transaction'`
	return wantCount(c.count(waiting, c.name(n)), 1)
}

// thrownOut counts the transactions that PostgreSQL ended because their instance didn't go on.
func (c *cluster) thrownOut() int {
	return strings.Count(c.postgres.Log(), "terminating connection due to idle-in-transaction timeout")
}

// count asks PostgreSQL, past all proxies.
func (c *cluster) count(query string, args ...any) (n int) {
	c.t.Helper()
	conn, err := pgx.Connect(c.ctx, c.postgres.URL("public"))
	if err == nil {
		err = conn.QueryRow(c.ctx, query, args...).Scan(&n)
		conn.Close(c.ctx)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// restartPostgres ends the server, and starts it again a moment later.
func (c *cluster) restartPostgres(end func() error) spell {
	c.t.Helper()
	c.interrupted()
	s := spell{from: time.Now()}
	if err := end(); err != nil {
		c.t.Fatal(err)
	}
	c.sleep(500 * time.Millisecond)
	if err := c.postgres.Start(); err != nil {
		c.t.Fatal(err)
	}
	s.to = time.Now()
	return s
}

// terminateBackends has PostgreSQL end all of the instances' connections again and again, and returns how many that were.
func (c *cluster) terminateBackends(during time.Duration) (sum int) {
	c.t.Helper()
	c.interrupted()
	for until := time.Now().Add(during); time.Now().Before(until); c.sleep(100 * time.Millisecond) {
		sum += c.count(`SELECT count(*) FROM (SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity
			WHERE application_name IN ('a', 'b', 'c')) ended WHERE done`)
	}
	return sum
}

// loseAnswers has what PostgreSQL says to one instance after the other be lost, for moments and until the connection ends.
// What an instance says arrives: so what is committed in such a moment is stored, and the instance doesn't hear of it. An
// app posts to it just then.
func (c *cluster) loseAnswers() spell {
	c.t.Helper()
	s := spell{from: time.Now()}
	for range 4 * len(c.instances) {
		n := c.hushed % len(c.instances)
		c.interrupted()
		c.network.swallow(toPostgres(c.name(n)), "downstream", 300*time.Millisecond)
		c.play(0, fmt.Sprintf("hushed %d", c.hushed), c.orders[c.hushed%len(c.orders)], c.instances[n], c.front)
		c.hushed++
		c.sleep(400 * time.Millisecond)
		c.network.heal()
		c.sleep(200 * time.Millisecond)
	}
	s.to = time.Now()
	return s
}

// cutOffFromPostgres parts an instance from the record for some seconds, in which it says that it isn't ready.
func (c *cluster) cutOffFromPostgres(n int) {
	c.t.Helper()
	c.awaitReadiness(n, 200)
	c.interrupted()
	c.network.partition(toPostgres(c.name(n)))
	c.awaitReadiness(n, 503)
	c.sleep(4 * time.Second)
	c.network.reunite(toPostgres(c.name(n)))
	c.awaitReadiness(n, 200)
}

// killNode kills a NATS node for some seconds. It returns how many instances were connected to it, and how many streams it
// led.
func (c *cluster) killNode(n int) (connections, led int) {
	c.t.Helper()
	c.interrupted()
	node := c.nats[n]
	connections, led = node.connections(), node.leads()
	node.process.kill()
	c.sleep(3 * time.Second)
	node.start()
	return connections, led
}

// cutOffFromNATS parts an instance from all nodes for some seconds: at first none of them hears that it is gone.
func (c *cluster) cutOffFromNATS(n int) {
	c.t.Helper()
	c.interrupted()
	proxies := toNATS(c.name(n))
	all := len(c.instances)
	awaitTrue(c.t, "all instances are connected", func() error { return wantCount(connected(c.nats), all) })
	c.network.partition(proxies...)
	c.sleep(3 * time.Second)
	for _, name := range proxies {
		c.network.unplug(name)
	}
	awaitTrue(c.t, "one is cut off", func() error { return wantCount(connected(c.nats), all-1) })
	c.sleep(2 * time.Second)
	c.network.heal()
	awaitTrue(c.t, "all instances are connected again", func() error { return wantCount(connected(c.nats), all) })
}

// loseStores kills all nodes, deletes their stores, and starts them again. It returns when the streams are there again.
func (c *cluster) loseStores() {
	c.t.Helper()
	c.interrupted()
	for _, node := range c.nats {
		node.process.kill()
	}
	gone := time.Now()
	for _, node := range c.nats {
		if err := os.RemoveAll(node.store()); err != nil {
			c.t.Fatal(err)
		}
	}
	startAll(c.nats)
	awaitTrue(c.t, "the streams are made anew", func() error { return c.nats[0].holds(gone) })
}
