package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"verdict"
)

var takeoverKills = flag.Int("takeover-kills", 3, "how often TestTakeOver kills an instance")

// takeoverMargin is how much longer than a lease it may take on a busy machine until dead work is taken up.
const takeoverMargin = 5 * time.Second

// TestTakeOver kills instances of clusters in the middle of their work, and measures how long it takes until another
// takes up what each of them has left behind. Clusters don't share anything, so some may run side by side.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	campaign(t)
	takeRoom(t)
	const most = 5 // clusters
	clusters := min(most, (*takeoverKills+4)/5)
	var mu sync.Mutex
	var all []takeover
	runs := map[string]func(*testing.T){}
	for n := range clusters {
		kills := (*takeoverKills + n) / clusters
		runs[fmt.Sprintf("cluster %d", n+1)] = func(t *testing.T) {
			found := measureTakeOver(t, kills)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, found...)
		}
	}
	if ran := together(t, clusters, runs); ran == clusters && !t.Failed() {
		reportTakeOver(t, all)
	}
}

// measureTakeOver kills the instances of one cluster in turn, each time when all has been taken up that the last one left
// behind. Before that a dead one isn't started again: whoever takes its work up is another.
func measureTakeOver(t *testing.T, kills int) []takeover {
	c := newCluster(t, nil)
	c.orders = unhurried()
	w := c.watchWork()
	c.start()
	stop := c.load(400*time.Millisecond, c.instances...)
	for k := range kills {
		n := k % len(c.instances)
		c.sleep(2 * time.Second)
		c.burst(k, n)
		w.kill(n)
		w.awaitTakenUp(len(w.kills) - 1)
		c.startOne(n)
	}
	stop()
	h := c.mustBeRight()
	return w.takenUp(h)
}

// unhurried are orders whose answers take 3.4 s, and of which no webhook tells.
func unhurried() []order {
	return []order{
		djamoOrder("slow", `{"reply_after":"170s","webhook":"none"}`),
		momoOrder("momo: slow", `{"reply_after":"170s","settles_after":"170s","webhook":"none"}`, ""),
		djamoOrder("slow decline", `{"status":"declined","reply_after":"170s","webhook":"none"}`),
		momoOrder("momo: slow decline", `{"status":"declined","reply_after":"100s","settles_after":"170s","webhook":"none"}`, ""),
	}
}

// burst has some apps post to one instance, and returns when the first of them has been answered.
func (c *cluster) burst(k, n int) {
	name := fmt.Sprintf("burst %d ", k)
	for i := range 8 {
		c.play(0, fmt.Sprint(name, i), c.orders[i%len(c.orders)], c.instances[n])
	}
	answered := func() bool {
		c.log.mu.Lock()
		defer c.log.mu.Unlock()
		return slices.ContainsFunc(c.log.posts, func(p posting) bool { return p.status/100 == 2 && strings.HasPrefix(p.key, name) })
	}
	for began := time.Now(); !answered() && time.Since(began) < time.Second; {
		time.Sleep(time.Millisecond)
	}
}

// reportTakeOver prints how long it took, and fails if that is too long once, or if an instance has left nothing behind.
func reportTakeOver(t *testing.T, all []takeover) {
	t.Helper()
	byWork, byKill := map[string][]time.Duration{}, map[kill]time.Duration{}
	for _, u := range all {
		byWork[u.work] = append(byWork[u.work], u.after)
		byWork["any"] = append(byWork["any"], u.after)
		byKill[u.of] = max(byKill[u.of], u.after)
		if u.after > verdict.Lease+takeoverMargin {
			t.Errorf("%s was taken up %s after its instance was killed, %s", u.transaction, u.after, u.work)
		}
	}
	for _, work := range works {
		t.Logf("%s: %s", work, distribution(byWork[work]))
		if len(byWork[work]) == 0 && work != workAccepted && work != workAnswered { // moments that few kills meet
			t.Errorf("no instance was killed with work of this kind: %s", work)
		}
	}
	t.Logf("of any kind: %s", distribution(byWork["any"]))
	var last []time.Duration
	for _, after := range byKill {
		last = append(last, after)
	}
	t.Logf("all that a killed instance had, %d kills: %s", *takeoverKills, distribution(last))
	if len(last) != *takeoverKills {
		t.Errorf("of %d killed instances %d had work", *takeoverKills, len(last))
	}
}

func distribution(of []time.Duration) string {
	if len(of) == 0 {
		return "none"
	}
	slices.Sort(of)
	at := func(share float64) time.Duration {
		return of[int(share*float64(len(of)-1)+0.5)].Round(time.Millisecond)
	}
	return fmt.Sprintf("%d, p50 %s, p99 %s, max %s", len(of), at(0.5), at(0.99), at(1))
}
