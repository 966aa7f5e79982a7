//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"verdict"
)

// TestPowerCutsLoseNothing cuts the power of the gateway and its disk at random moments under load, and looks for everything that
// was acknowledged. The file goes on from round to round.
func TestPowerCutsLoseNothing(t *testing.T) {
	t.Parallel()
	const rounds = 20
	d := newDisk(t, 1024)
	s := newStation(t, d.dir)
	s.start()
	c := newChecker(s)
	random := rand.New(rand.NewPCG(3, 4))
	var all []ack
	for n := range rounds {
		moment := 300*time.Millisecond + time.Duration(random.Int64N(int64(time.Second)))
		told := s.submitWhile(fmt.Sprint("round ", n), func() {
			time.Sleep(moment)
			s.crash(d)
		})
		began := time.Now()
		d.restore()
		s.start()
		ready := time.Now()
		c.check(told.acks)
		all = append(all, told.acks...)
		t.Logf("round %2d: cut after %4d ms: %4d acknowledged, %2d refused, %2d broken off, %4d webhooks so far; ready in %3d ms, checked in %3d ms",
			n, moment.Milliseconds(), len(told.acks), told.refused, told.broken, c.webhooks, ready.Sub(began).Milliseconds(), time.Since(ready).Milliseconds())
	}
	last := newChecker(s)
	last.check(all)
	c.fail()
	last.fail()
	t.Logf("%d power cuts, %d acknowledgements (%d of a verdict), %d webhooks answered 2xx, %d effects",
		rounds, last.acks, last.verdicts, last.webhooks, last.effects)
	if last.acks < 100*rounds || last.verdicts == 0 || last.webhooks < 10*rounds {
		t.Error("so few prove nothing")
	}
}

// TestAfterAPowerCutTheWorkGoesOn: the stream's store is not synced as the database is, and may come back in any state. A
// quiet gateway must not wait for the stream to catch up with what it has forgotten.
func TestAfterAPowerCutTheWorkGoesOn(t *testing.T) {
	t.Parallel()
	d := newDisk(t, 256)
	s := newStation(t, d.dir)
	s.start()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n := range 100 {
		s.settles(ctx, fmt.Sprint("before ", n))
	}
	s.crash(d)
	d.restore()
	s.start()
	ctx, cancel = context.WithTimeout(t.Context(), verdict.Lease+10*time.Second)
	defer cancel()
	s.settles(ctx, "after")
}

// TestALyingDiskIsFoundOut shows that the checker sees losses: it cuts the power of a disk that has only claimed to sync.
// That is what synchronous=OFF would do. At first the disk is honest, so that there are transactions that survive and
// whose verdicts and webhooks don't.
func TestALyingDiskIsFoundOut(t *testing.T) {
	t.Parallel()
	losses := []string{lostTransaction, lostVerdict, lostWebhook, lostMarker}
	d := newDisk(t, 256)
	f := newFsyncs(t)
	s := newStation(t, d.dir)
	s.environ = f.environ()
	s.start()
	c := newChecker(s)
	for n := 0; n < 5 && !c.foundAll(losses); n++ {
		told := s.submitWhile(fmt.Sprint("round ", n), func() {
			time.Sleep(700 * time.Millisecond)
			f.be(t, lying)
			time.Sleep(time.Second)
			s.crash(d)
		})
		f.be(t, honest)
		d.restore()
		s.start()
		c.check(told.acks)
	}
	for _, loss := range losses {
		t.Logf("%4d times: %s", len(c.found[loss]), loss)
		if len(c.found[loss]) == 0 {
			t.Errorf("the checker has not noticed that %s", loss)
		}
	}
	t.Logf("of %d acknowledgements (%d of a verdict) and %d webhooks", c.acks, c.verdicts, c.webhooks)
}

// crash cuts the power of the gateway and of its disk. The gateway is stopped first, with what it asked of the disk still under
// way: of a sync that is under way when the file system is shut down, Linux (seen with 6.18) may say that it succeeded though
// nothing of it is on the disk, and power that is really cut leaves nobody to believe it.
func (s *station) crash(d *disk) {
	s.t.Helper()
	if err := s.gateway.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	s.gateway.awaitStates(s.t, "TD") // stopped, or in the kernel, waiting for the disk
	d.cut()
	s.gateway.kill()
}

// settles submits a transaction, and waits for its verdict.
func (s *station) settles(ctx context.Context, key string) {
	s.t.Helper()
	const simulate = `{"reply":"ok","reply_after":"1s","webhook":"none"}`
	if r := s.play(ctx, "quick", key, simulate, 1); r.err != nil {
		s.t.Fatalf("%s: %v", key, r.err)
	}
}
