package stream

import (
	"context"
	"testing"
	"time"

	"verdict"
)

// healing bounds how long anything may take to work again: patience, the calls that are waited for in vain, an election,
// and a busy machine.
const healing = 60 * time.Second

// TestAClusterThatBreaks breaks a cluster of three servers in all the ways that its servers and its operators have.
func TestAClusterThatBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		replicas int
		harm     func(t *testing.T, c *cluster, s *Stream)
	}{
		{"the server we are connected to is killed", 0, func(t *testing.T, c *cluster, s *Stream) { c.connected(t, s).kill() }},
		{"the leader of the commands is killed", 0, func(t *testing.T, c *cluster, s *Stream) {
			c.leader(t, s, commandStream).kill()
		}},
		{"all come back empty", 0, func(t *testing.T, c *cluster, _ *Stream) { c.restart(t, c.nodes[:], true) }},
		{"one comes back empty", 0, func(t *testing.T, c *cluster, s *Stream) {
			c.restart(t, []*node{c.leader(t, s, commandStream)}, true)
		}},
		{"two come back empty", 0, func(t *testing.T, c *cluster, _ *Stream) { c.restart(t, c.nodes[1:], true) }},
		{"one loses its store while it runs", 0, func(t *testing.T, c *cluster, s *Stream) {
			c.leader(t, s, commandStream).empty(t)
			fill(s)
		}},
		{"the one we are connected to loses its store, and led all", 0, func(t *testing.T, c *cluster, s *Stream) {
			n := c.connected(t, s)
			c.lead(t, s, n)
			n.empty(t)
			fill(s)
		}},
		{"all lose their stores while they run", 0, func(t *testing.T, c *cluster, s *Stream) {
			for _, n := range c.nodes {
				n.empty(t)
			}
			fill(s)
		}},
		{"the only one with the commands is killed", 1, func(t *testing.T, c *cluster, s *Stream) {
			c.leader(t, s, commandStream).kill()
		}},
		{"a rolling restart", 0, func(t *testing.T, c *cluster, s *Stream) {
			for _, n := range c.nodes {
				n.lameDuck(t)
				c.start(t, n)
				until(t, "it takes part", healing, func() bool { return c.complete(s) })
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cluster := newCluster(t)
			s := open(t, Config{URL: cluster.nodes[0].url(), Replicas: c.replicas}) // the others it hears of
			var harmed time.Time
			recovers(t, s, healing, func() {
				c.harm(t, cluster, s)
				harmed = time.Now()
			})
			t.Logf("worked again within %s", time.Since(harmed).Round(time.Second))
		})
	}
}

// fill publishes until the servers need another file, or don't answer any more.
func fill(s *Stream) {
	for range 100 {
		if _, err := s.link.Load().js.PublishAsync(commandPrefix+"nobody.submit", make([]byte, 500_000)); err != nil {
			return
		}
	}
}

func TestAClusterSpreadsCommandsAndTellsEveryInstance(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var worked, heard [2]*diary
	var instances [2]*Stream
	for i := range instances {
		s := open(t, Config{URL: c.nodes[i].url()})
		d := &diary{}
		instances[i], worked[i], heard[i] = s, d, &diary{}
		work(t, s, 2, func(_ context.Context, c verdict.Command) error {
			time.Sleep(50 * time.Millisecond) // of a partner
			d.add(c.Transaction)
			return nil
		})
		follow(t, s, heard[i].hear)
		until(t, "it listens", healing, func() bool {
			publish(t, s, nil, []verdict.Event{event(0)})
			return len(heard[i].all()) > 0
		})
	}
	for n := 1; n <= 100; n++ {
		publish(t, instances[n%2], commands(n, n), []verdict.Event{event(n)})
	}
	for i := range instances {
		until(t, "all is heard", healing, func() bool { return len(heard[i].times()) == 101 })
	}
	until(t, "all is handled", healing, func() bool { return len(worked[0].all())+len(worked[1].all()) >= 100 })
	if a, b := len(worked[0].times()), len(worked[1].times()); a < 20 || b < 20 {
		t.Errorf("the instances handled %d and %d of 100 commands, want a share each", a, b)
	}
}

// What was taken from the relay is handled though the server that leads dies, and the instance that had begun it as well.
func TestCommandsOutliveAServerAndAnInstance(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s, dying := open(t, Config{URL: c.url()}), open(t, Config{URL: c.url()})
	stuck := make(chan struct{})
	defer close(stuck)
	begun := make(chan struct{}, 100)
	go func() {
		_ = dying.Work(t.Context(), "djamo", verdict.Submit, 10, func(context.Context, verdict.Command) error {
			begun <- struct{}{}
			<-stuck
			return nil
		})
	}()
	publish(t, s, commands(1, 100), nil)
	for range 10 {
		<-begun
	}
	c.leader(t, s, commandStream).kill()
	dying.Close()
	d := &diary{}
	work(t, s, 4, d.handle)
	until(t, "all are handled", verdict.Lease+healing, func() bool { return len(d.times()) == 100 })
}
