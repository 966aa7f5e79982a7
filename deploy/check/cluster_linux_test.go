package check

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestTheClusterLosesNothing runs the cluster under load, kills a gateway, has another stop, and holds what apps were told
// against what the partner did.
func TestTheClusterLosesNothing(t *testing.T) {
	s := newStage(t)
	s.up()
	c := newCrowd(s)
	posting, stop := context.WithCancel(t.Context())
	following, leave := context.WithCancel(t.Context())
	defer leave()
	var posts, streams sync.WaitGroup
	for n := range 4 {
		posts.Go(func() { c.post(posting, n) })
	}
	for n := range pairs {
		streams.Go(func() { c.follow(following, fmt.Sprint("sse ", n), c.sse) })
		streams.Go(func() { c.follow(following, fmt.Sprint("websocket ", n), c.socket) })
	}
	accepted := func(n int) func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		n += len(c.accepted)
		return func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.accepted) >= n
		}
	}
	s.until("posts before", 20*time.Second, accepted(50))
	repeats := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		n := 0
		for _, times := range c.repeats {
			n += times
		}
		return n
	}

	s.kill("gateway-1")
	s.until("posts without gateway-1", 20*time.Second, accepted(100))
	s.gateway("gateway-1")
	s.untilReady("gateway-1")
	s.until("posts with gateway-1 again", 20*time.Second, accepted(100))
	killed := repeats()

	ended, took := s.signal("gateway-2", syscall.SIGTERM)
	if ended.ExitCode() != 0 {
		t.Errorf("gateway-2 ends with %s", ended)
	}
	s.until("posts without gateway-2", 20*time.Second, accepted(100))
	if n := repeats() - killed; n > 0 {
		t.Errorf("%d posts had to be repeated although gateway-2 was told to stop: %v", n, c.repeats)
	}
	stop()
	posts.Wait()
	s.until("the verdicts", 90*time.Second, c.settled)
	leave()
	streams.Wait()
	audit(t, s, c)
	slices.Sort(c.delays)
	t.Logf("%d transactions; %d posts were repeated %v; gateway-2 took %s to stop; streams were taken up again %d times",
		len(c.accepted), killed, c.repeats, took, c.returns)
	t.Logf("from verdict to app: half within %s, 99 %% within %s", c.delays[len(c.delays)/2], c.delays[len(c.delays)*99/100])
	if c.returns == 0 {
		t.Error("no stream was on an instance that ended")
	}
	checkProbes(t, s)
}

// audit holds what apps were told against the partner's ledger.
func audit(t *testing.T, s *stage, c *crowd) {
	t.Helper()
	var ledger []struct{ ID, Status string }
	if err := json.Unmarshal(fetch(t, "http://"+s.partnerAddress()+"/ledger"), &ledger); err != nil {
		t.Fatal(err)
	}
	did := map[string][]string{}
	for _, effect := range ledger {
		did[effect.ID] = append(did[effect.ID], map[string]string{"completed": "succeeded", "declined": "failed"}[effect.Status])
	}
	keys := map[string]string{}
	for id, key := range c.accepted {
		if other, twice := keys[key]; twice {
			t.Errorf("%s is %s and %s", key, id, other)
		}
		keys[key] = id
		if len(did[id]) > 1 {
			t.Errorf("%s: %d effects", id, len(did[id]))
		}
		truth := "failed"
		if len(did[id]) > 0 {
			truth = did[id][0]
		}
		for by, heard := range c.heard {
			if heard[id] != truth {
				t.Errorf("%s: %s was told %q, and it %s", id, by, heard[id], truth)
			}
		}
	}
}

// checkProbes has the Kubernetes base's probes, Prometheus and an operator's command ask a gateway. Then PostgreSQL ends:
// nobody is to be sent there any more, and nothing is to be restarted.
func checkProbes(t *testing.T, s *stage) {
	t.Helper()
	b, host := kustomize(t), s.hosts["gateway-1"]
	started := b.url(host, b.container().StartupProbe)
	alive := b.url(host, b.container().LivenessProbe)
	ready := b.url(host, b.container().ReadinessProbe)
	for _, url := range []string{started, alive, ready} {
		if !answers(url) {
			t.Errorf("%q isn't answered 200", url)
		}
	}
	metrics := fetch(t, "http://"+host+":"+b.deployment.Spec.Template.Annotations["prometheus.io/port"]+"/metrics")
	for _, name := range b.metrics() {
		needs(t, string(metrics), "\n"+name+" ")
	}
	if out, err := exec.Command(binary, "tx", "list", "--admin", host+":5001").CombinedOutput(); err != nil {
		t.Errorf("verdict tx list: %v\n%s", err, out)
	}

	s.signal("postgres", syscall.SIGQUIT)
	s.until("not ready without the record", 10*time.Second, func() bool { return !answers(ready) })
	s.until("no gateway for the load balancer", 20*time.Second, func() bool { return !answers(s.balancerHealth()) })
	for _, url := range []string{started, alive} {
		if !answers(url) {
			t.Errorf("without the record %q isn't answered 200", url)
		}
	}
}
