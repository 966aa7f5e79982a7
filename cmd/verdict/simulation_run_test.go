package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"verdict"
	"verdict/persistence"
)

// run is the life of a universe: chaos, then healing, until everything has converged or the time is over. It returns
// what the checker found.
func (u *universe) run() (found []violation, err error) {
	p := u.plan()
	u.audit, err = persistence.Open(context.Background(), u.database())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.audit.Close()) }()
	for n := range p.instances {
		u.instances = append(u.instances, &simInstance{u: u, name: string(rune('a' + n))})
	}
	if err := u.openPartners(p.banAfter); err != nil {
		return nil, err
	}
	u.openBackends()
	u.chaos.Store(true)
	system, stop := context.WithCancel(context.Background())
	for _, i := range u.instances {
		u.running.Go(func() { i.run(system) })
	}
	u.running.Go(func() { u.sabotage(system) })
	u.live(p)
	stop()
	u.running.Wait()
	if err := errors.Join(u.closePartners(), u.closeBackends()); err != nil {
		return nil, err
	}
	return u.check()
}

// live has the apps go through chaos and healing, and what is over through chaos again, on its way to the archive.
func (u *universe) live(p plan) {
	ctx, end := context.WithCancel(context.Background())
	a := u.openApps()
	var playing atomic.Int32
	for n := range p.keys {
		key := keyOf(n)
		playing.Add(1)
		a.playing.Go(func() {
			defer playing.Add(-1)
			a.play(ctx, key)
		})
	}
	for _, kind := range []string{"sse", "socket"} {
		a.feeding.Go(func() { a.follow(ctx, kind, "all:"+kind, u.tenantOf(kind), "") })
	}
	_ = sleep(ctx, chaosFor)
	u.chaos.Store(false)
	u.note("fault", "no more faults")
	a.feeding.Go(func() { u.operate(ctx, p) })
	u.await(cmp.Or(u.variant.patience, healFor), func() bool { return u.quiet(p, int(playing.Load())) && u.told() })
	u.note("fault", "converged, or out of time")
	_ = sleep(ctx, tail)
	u.parted = time.Now()
	end()
	a.playing.Wait()
	a.feeding.Wait()
	if p.retains {
		u.retain(p)
	}
	u.await(healFor, func() bool { // one that was paused may disable an endpoint still
		u.enableAll()
		return u.told()
	})
}

// await waits until something is so, or for as long as that may take.
func (u *universe) await(atMost time.Duration, so func() bool) {
	for waited := time.Duration(0); waited < atMost && !so(); waited += 5 * time.Second {
		time.Sleep(5 * time.Second)
	}
}

func keyOf(n int) string { return fmt.Sprintf("k%02d", n) }

// quiet reports whether every instance is up, every key terminal or in review, and every app at its end: one whose
// transaction is in review goes on waiting.
func (u *universe) quiet(p plan, playing int) bool {
	for _, i := range u.instances {
		if i.current() == nil {
			return false
		}
	}
	review := 0
	for n := range p.keys {
		t, err := u.audit.Find(context.Background(), u.scopeOf(keyOf(n)))
		if err != nil || !t.Settled() && t.Stage != verdict.StageReview {
			return false
		}
		if !t.Settled() {
			review++
		}
	}
	return playing <= review
}

// scopeOf is the scope of an app's key.
func (u *universe) scopeOf(key string) verdict.Scope {
	return verdict.Scope{Tenant: u.tenantOf(key), Owner: "app", Operation: "transaction", Key: key}
}

// sabotage deletes streams' folders and restarts instances while there is chaos.
func (u *universe) sabotage(ctx context.Context) {
	r := u.draw("sabotage")
	for {
		if sleep(ctx, between(r, 5*time.Second, 40*time.Second)) != nil || !u.chaos.Load() {
			return
		}
		i, what := u.instances[r.IntN(len(u.instances))], r.IntN(3)
		l := i.current()
		switch {
		case what == 0:
			u.note("fault", "%s loses its stream's folder", i.name)
			u.happened.hit("a stream's folder was deleted")
			u.evidence.delete(deleted{time.Now(), i.name})
			_ = os.RemoveAll(i.streamDir()) // what is written to it meanwhile may stay; the stream copes with either
		case what == 1 && l != nil:
			l.shutDown()
		case what == 2 && l != nil:
			l.pause("at no point in particular", between(r, verdict.Lease+time.Second, time.Minute))
		}
	}
}

// simFolder makes a folder in memory where there is one: nothing here cuts the power, so a disk would only be slower.
func simFolder() (string, error) {
	if dir, err := os.MkdirTemp("/dev/shm", "verdict"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "verdict")
}
