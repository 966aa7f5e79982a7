package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"verdict/persistence/postgres/postgrestest"
)

// A cluster is a scene of three instances that share a PostgreSQL server and a NATS cluster. Apps and partners reach them
// by a load balancer.
type cluster struct {
	*scene
	postgres *postgrestest.Server
	nats     []*natsNode
	network  *toxiproxy // between each instance and what it shares; nil: nothing lies between
	front    *instance  // none of the three: the load balancer's address
	admin    []string   // where operators reach each instance
	hushed   int        // apps of loseAnswers so far
}

// room bounds how many tests have clusters at once: each cluster is a dozen processes.
var room = make(chan struct{}, 3)

// takeRoom waits until there is room for a test's clusters, and gives it back when they have ended.
func takeRoom(t *testing.T) {
	room <- struct{}{}
	t.Cleanup(func() { <-room })
}

// newCluster returns one whose instances are not running yet. Without PostgreSQL the test is skipped.
func newCluster(t *testing.T, network *toxiproxy) *cluster {
	t.Helper()
	c := &cluster{postgres: postgrestest.New(t), network: network}
	c.nats, c.scene = newNATS(t), newScene(t)
	c.record = func(ctx context.Context) (onDisk, error) { return readRecord(ctx, "pgx", c.postgres.URL("public")) }
	each := &http.Transport{DisableKeepAlives: true} // so that each request goes to another instance
	c.http.Transport = noting{each, c.log}
	var addresses []string
	for n, name := range []string{"a", "b", "c"} {
		host := fmt.Sprintf("127.0.0.%d", n+2)
		g := c.addInstance(addressAt(t, host))
		c.admin = append(c.admin, addressAt(t, host))
		g.args = []string{
			"--database", c.postgresFor(name), "--stream-dir", "", "--stream-url", c.natsFor(name), "--admin-address", c.admin[n],
			"--sweep", "500ms", // the default
		}
		addresses = append(addresses, g.address)
	}
	front := newRoundRobin(t, addresses...)
	c.front = &instance{scene: c.scene, address: front, public: front}
	c.webhooks.target.Store(front)
	return c
}

// addressAt returns a free address of that host.
func addressAt(t *testing.T, host string) string {
	return strings.Replace(freeAddress(t), "127.0.0.1", host, 1)
}

// postgresFor is the URL by which an instance reaches PostgreSQL. The server knows the instance by its name.
func (c *cluster) postgresFor(instance string) string {
	address := fmt.Sprint("127.0.0.1:", c.postgres.Port)
	if c.network != nil {
		address = c.network.between(toPostgres(instance), address)
	}
	return postgrestest.URL(address, "public") + "&application_name=" + instance
}

// natsFor are the URLs by which an instance reaches the NATS servers.
func (c *cluster) natsFor(instance string) string {
	var urls []string
	for n, node := range c.nats {
		address := node.client
		if c.network != nil {
			address = c.network.between(toNATS(instance)[n], address)
		}
		urls = append(urls, "nats://"+address)
	}
	return strings.Join(urls, ",")
}

// The names of the proxies before an instance.
func toPostgres(instance string) string { return "postgres-" + instance }
func toNATS(instance string) []string {
	return []string{"nats1-" + instance, "nats2-" + instance, "nats3-" + instance}
}

// start starts the instances: the binary, or what alteration makes of it.
func (c *cluster) start(alter ...string) {
	c.t.Helper()
	for n := range c.instances {
		c.startOne(n, alter...)
	}
}

// startOne starts an instance, again if need be as whatever supervises it would: one that doesn't reach what it needs in
// time ends.
func (c *cluster) startOne(n int, alter ...string) {
	c.t.Helper()
	g := c.instances[n]
	for range 5 {
		g.spawn(alter...)
		select {
		case <-g.process.up:
			return
		case <-g.process.done:
			c.t.Logf("%s ended before it was ready:\n%s", c.name(n), g.process.log)
		case <-time.After(patience):
			c.t.Fatalf("%s is not ready after %s", c.name(n), patience)
		}
	}
	c.t.Fatalf("%s ends whenever it is started", c.name(n))
}

// name is what PostgreSQL and the proxies know an instance by.
func (c *cluster) name(n int) string { return string(rune('a' + n)) }

// awaitReadiness waits until an instance answers GET /readyz with that status.
func (c *cluster) awaitReadiness(n, status int) {
	c.t.Helper()
	awaitTrue(c.t, fmt.Sprintf("/readyz of %s says %d", c.name(n), status), func() error {
		client := http.Client{Timeout: 5 * time.Second}
		answer, err := client.Get("http://" + c.admin[n] + "/readyz")
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != status {
			return fmt.Errorf("it says %s", answer.Status)
		}
		return nil
	})
}

// swallow loses all that a proxy should pass in a direction from now on: upstream is to the server. Connections end after
// so long, or stay as they are if that is zero.
func (p *toxiproxy) swallow(proxy, direction string, after time.Duration) {
	p.tell("/proxies/"+proxy+"/toxics", map[string]any{
		"name": "swallow " + direction, "type": "timeout", "stream": direction, "attributes": map[string]any{"timeout": after.Milliseconds()},
	}, nil)
}

// partition cuts proxies off as a network does that drops all: neither side hears that the other is gone.
func (p *toxiproxy) partition(proxies ...string) {
	for _, name := range proxies {
		p.swallow(name, "upstream", 0)
		p.swallow(name, "downstream", 0)
	}
}

// reunite ends a partition. Connections on which something was lost end with it.
func (p *toxiproxy) reunite(proxies ...string) {
	for _, name := range proxies {
		p.unplug(name)
	}
	p.heal()
}
